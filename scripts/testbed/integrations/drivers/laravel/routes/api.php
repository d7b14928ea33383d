<?php

use Illuminate\Http\Request;
use Illuminate\Support\Facades\Route;

Route::get('/agent', function (Request $request) {
    return $request->userAgent();
});
