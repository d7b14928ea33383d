<?php

// What Composer would have made: Debian's packages, and the application's own classes.
require '/usr/share/php/Illuminate/autoload.php';

spl_autoload_register(function (string $class): void {
    $file = __DIR__ . '/../app/' . str_replace('\\', '/', substr($class, 4)) . '.php';
    if (strncmp($class, 'App\\', 4) === 0 && is_file($file)) {
        require $file;
    }
});
