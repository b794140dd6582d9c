<?php

namespace App\Http\Middleware;

use Illuminate\Foundation\Http\Middleware\PreventRequestsDuringMaintenance as Middleware;

class PreventRequestsDuringMaintenance extends Middleware
{
    // Answers in maintenance mode too, as it does from Laravel 11 on.
    protected $except = ['up'];
}
