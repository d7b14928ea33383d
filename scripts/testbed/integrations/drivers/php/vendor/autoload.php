<?php
// What Composer would have made: Debian's packages.
require '/usr/share/php/libphp-phpmailer/autoload.php';
