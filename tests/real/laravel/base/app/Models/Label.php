<?php

declare(strict_types=1);

namespace App\Models;

/** What the shop prints on its labels. */
final class Label
{
    public static function of(string $name, string $status): string
    {
        $mark = ['draft' => 'soon', 'active' => 'on sale', 'retired' => 'sold out'];

        return mb_strtoupper($name) . ' (' . $mark[$status] . ')';
    }

    public static function order(string $number, string $state, int $total): string
    {
        $word = ['new' => 'is new', 'placed' => 'was placed', 'shipped' => 'is on its way'];

        return sprintf('%s %s: %.2f', $number, $word[$state], $total / 100);
    }
}
