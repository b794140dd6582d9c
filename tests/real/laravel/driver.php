<?php

// Works for the tests inside an application: one request a line on standard input, one answer a line on standard
// output, both JSON. One process serves many databases, so that starting PHP and Laravel is paid once.

use Illuminate\Contracts\Console\Kernel as Console;
use Illuminate\Contracts\Http\Kernel as Http;
use Illuminate\Http\Request;
use Illuminate\Support\Facades\DB;

$folder = $argv[1];
require $folder . '/vendor/autoload.php';
$app = require $folder . '/bootstrap/app.php';
$app->make(Console::class)->bootstrap();
$app->make(Http::class)->bootstrap();

$answers = [
    // Another database, from here on.
    'use' => function (array $with) {
        foreach (config('database.connections') as $name => $known) {
            DB::purge($name);
        }
        config(['database.default' => $with['driver']]);
        config(["database.connections.{$with['driver']}.database" => $with['database']]);
        if ($with['port']) {
            config(["database.connections.{$with['driver']}.port" => $with['port']]);
            config(["database.connections.{$with['driver']}.username" => $with['user']]);
        }
        // These hold on to the connection that they began with.
        foreach (['migrator', 'migration.repository', 'queue', 'queue.connection'] as $name) {
            app()->forgetInstance($name);
        }

        return ['ok' => true];
    },
    'artisan' => function (array $with) {
        $output = new Symfony\Component\Console\Output\BufferedOutput();
        $code = app(Console::class)->call($with['command'], $with['options'], $output);

        return ['code' => $code, 'output' => $output->fetch()];
    },
    // What the new release wrote while it was live.
    'write' => function (array $with) {
        eval($with['php']);

        return ['ok' => true];
    },
    'request' => function (array $with) {
        $request = Request::create($with['path'], $with['method'], $with['data']);
        $request->headers->set('Accept', 'application/json');
        $kernel = app(Http::class);
        $response = $kernel->handle($request);
        $kernel->terminate($request, $response);

        return ['status' => $response->getStatusCode(), 'body' => json_decode($response->getContent(), true)];
    },
];

while (($line = fgets(STDIN)) !== false) {
    $with = json_decode($line, true);
    try {
        $answer = $answers[$with['do']]($with);
    } catch (Throwable $error) {
        $answer = ['error' => get_class($error) . ': ' . $error->getMessage()];
    }
    fwrite(STDOUT, json_encode($answer, JSON_INVALID_UTF8_SUBSTITUTE) . "\n");
}
