<?php

namespace App\Http;

use App\Http\Middleware\PreventRequestsDuringMaintenance;
use Illuminate\Foundation\Http\Kernel as HttpKernel;
use Illuminate\Routing\Middleware\SubstituteBindings;

class Kernel extends HttpKernel
{
    protected $middleware = [PreventRequestsDuringMaintenance::class];

    protected $middlewareGroups = ['api' => [SubstituteBindings::class]];
}
