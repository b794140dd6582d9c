<?php

return [
    'default' => env('CACHE_DRIVER', 'file'),
    'stores' => [
        'array' => ['driver' => 'array'],
        'file' => ['driver' => 'file', 'path' => storage_path('framework/cache')],
        'redis' => ['driver' => 'redis', 'connection' => 'default'],
    ],
    'prefix' => 'shop_cache',
];
