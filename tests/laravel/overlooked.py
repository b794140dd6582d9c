"""Migrations that look harmless and are not: what a verdict of "safe" once overlooked, and what resembles it."""

from __future__ import annotations

from tests.laravel.case import Case, block, created, on, table

_NOTES = created("notes", "id()", "string('number')") + "\nDB::table('notes')->insert(['number' => 'O-1']);\n"
_DROPS = block("foreach ($tables as $name)", "Schema::drop($name);")
_INVOICES = created("invoices", "id()") + "\n"

OVERLOOKED = (
    # -- new columns in whole rows ------------------------------------------------------------------------------------
    Case(
        "add-binary",
        table("products", "binary('thumbnail')->nullable()"),
        None,
        "breaks",
        live="""DB::table('products')->where('id', 2)->update(['thumbnail' => DB::raw(
            DB::getDriverName() === 'pgsql' ? "'\\\\xff00'::bytea" : "x'ff00'")]);""",
    ),
    Case(
        "add-point",
        table("products", "point('place')->nullable()"),
        None,
        "breaks",
        live="DB::getDriverName() === 'mysql'"
        " && DB::table('products')->where('id', 2)->update(['place' => DB::raw('POINT(1.5, 2.5)')]);",
        apart={"pgsql": "refused", "sqlite": "works"},
    ),
    Case(
        "raw-add-xml",
        on("pgsql", "DB::statement('ALTER TABLE categories ADD COLUMN extra xml');"),
        None,
        apart={"pgsql": "breaks"},
    ),
    Case(
        "raw-add-point",
        on("pgsql", "DB::statement('ALTER TABLE categories ADD COLUMN place point');"),
        None,
        apart={"pgsql": "breaks"},
    ),
    # -- defaults and expressions that fail ---------------------------------------------------------------------------
    Case(
        "add-enum-with-default-not-among-its-values",
        table("reviews", "enum('tone', ['kind', 'harsh'])->default('neutral')"),
        None,
        "breaks",
        apart={"mysql": "refused"},
    ),
    Case(
        "default-by-function-of-a-session",
        on(
            "pgsql",
            "DB::statement(\"SET app.tenant = 'shop'\");\n"
            + table("reviews", "string('tenant')->default(DB::raw(\"current_setting('app.tenant')\"))"),
        ),
        None,
        live="DB::reconnect();",
        apart={"pgsql": "breaks"},
    ),
    Case(
        "raw-unique-on-expression",
        "DB::statement('ALTER TABLE reviews ADD COLUMN slug VARCHAR(20)');\n"
        + block(
            "if (DB::getDriverName() !== 'mysql')",
            "DB::statement(\"CREATE UNIQUE INDEX one_slug ON reviews (coalesce(slug, ''))\");",
        ),
        None,
        "breaks",
        apart={"mysql": "works"},
    ),
    Case(
        "raw-unique-of-null",
        on(
            "pgsql",
            "DB::statement('ALTER TABLE reviews ADD COLUMN slug VARCHAR(20)');\n"
            "DB::statement('ALTER TABLE reviews ADD CONSTRAINT one UNIQUE NULLS NOT DISTINCT (slug)');",
        ),
        None,
        apart={"pgsql": "breaks"},
    ),
    Case(
        "raw-generated-beside-a-number",
        on(
            "pgsql",
            "DB::statement('ALTER TABLE orders ADD COLUMN n INT GENERATED ALWAYS AS IDENTITY, "
            "ADD COLUMN share INT GENERATED ALWAYS AS (1000 / total) STORED');",
        ),
        None,
        apart={"pgsql": "breaks"},
    ),
    Case(
        "raw-index-of-blocks-on-text",
        on("pgsql", "DB::statement('CREATE INDEX blocks ON products USING brin (description)');"),
        None,
        apart={"pgsql": "breaks"},
    ),
    Case(
        "raw-index-that-carries-text",
        on("pgsql", "DB::statement('CREATE INDEX carrying ON products (price) INCLUDE (description)');"),
        None,
        apart={"pgsql": "breaks"},
    ),
    Case(
        "add-unique-to-rows-that-are-copied",
        table("comments", "string('token')->nullable()->unique()"),
        None,
        "breaks",
        live="DB::table('comments')->where('id', 1)->update(['token' => 'a']);",
    ),
    # -- columns changed ----------------------------------------------------------------------------------------------
    Case(
        "string-of-another-usual-length",
        "Schema::defaultStringLength(10);\n"
        + table("customers", "string('nickname')->nullable()->change()")
        + "\nSchema::defaultStringLength(255);",
        None,
        "breaks",
        apart={"sqlite": "works"},
    ),
    Case(
        "string-of-a-length-in-a-variable",
        "$length = (int) '10';\n"
        + table("customers", "string('nickname', $length)->nullable()->change()").replace(
            ") {", ") use ($length) {", 1
        ),
        None,
        "breaks",
        apart={"sqlite": "works"},
    ),
    Case(
        "nullable-gets-a-default",
        table("orders", "string('coupon')->nullable()->default('X')->change()"),
        None,
        "wrong",
    ),
    Case(
        "more-decimals",
        table("products", "decimal('weight', 10, 4)->nullable()->change()"),
        None,
        "wrong",
        apart={"sqlite": "refused"},
    ),
    Case(
        "enum-in-another-order",
        on(
            "mysql",
            "DB::statement(\"ALTER TABLE products MODIFY status ENUM('retired', 'active', 'draft') "
            "NOT NULL DEFAULT 'draft'\");",
        ),
        None,
        apart={"mysql": "wrong"},
    ),
    # -- variables that are set elsewhere -----------------------------------------------------------------------------
    Case("pushed-onto-a-list", "$tables = [];\narray_push($tables, 'visits');\n" + _DROPS, None, "breaks"),
    Case(
        "method-that-takes-a-reference",
        "$tables = [];\n$this->collect($tables);\n" + _DROPS,
        None,
        "breaks",
        body="private function collect(array &$tables)\n    {\n        $tables[] = 'visits';\n    }",
    ),
    Case(
        "closure-that-takes-a-reference",
        "$tables = [];\n$add = function (array &$list) {\n    $list[] = 'visits';\n};\n$add($tables);\n" + _DROPS,
        None,
        "breaks",
    ),
    Case("two-names-of-one-list", "$tables = [];\n$list = &$tables;\n$list[] = 'visits';\n" + _DROPS, None, "breaks"),
    Case(
        "loop-by-reference",
        created("old_visits", "id()")
        + "\n$tables = ['old_visits'];\n"
        + block("foreach ($tables as &$name)", "$name = str_replace('old_', '', $name);")
        + "\nunset($name);\n"
        + _DROPS,
        None,
        "breaks",
    ),
    Case(
        "set-by-a-match",
        _INVOICES + "$found = ['invoices'];\npreg_match('/visits/', 'visits', $found);\nSchema::drop($found[0]);",
        None,
        "breaks",
    ),
    Case(
        "set-under-a-condition",
        _INVOICES + "$name = 'visits';\nconfig('app.missing') && $name = 'invoices';\nSchema::drop($name);",
        None,
        "breaks",
    ),
    Case(
        "set-in-one-of-two-ways",
        _INVOICES + "$name = 'visits';\nconfig('app.missing') ? $name = 'invoices' : null;\nSchema::drop($name);",
        None,
        "breaks",
    ),
    # -- statements that write to more than the table they begin with ------------------------------------------------
    Case(
        "raw-update-joined-to-a-new-table",
        _NOTES
        + on("mysql", "DB::statement(\"UPDATE notes n JOIN orders o ON o.number = n.number SET o.state = 'open'\");"),
        None,
        apart={"mysql": "breaks"},
    ),
    Case(
        "raw-update-of-two-tables",
        _NOTES + on("mysql", "DB::statement(\"UPDATE notes, orders SET orders.state = 'open'\");"),
        None,
        apart={"mysql": "breaks"},
    ),
    Case(
        "update-joined-to-a-new-table",
        _NOTES
        + on(
            "mysql",
            "DB::table('notes')->join('orders', 'orders.number', '=', 'notes.number')"
            "->update(['orders.state' => 'open']);",
        ),
        None,
        apart={"mysql": "breaks"},
    ),
    Case(
        "update-joined-before",
        _NOTES
        + on(
            "mysql",
            "$query = DB::table('notes');\n$query->join('orders', 'orders.number', '=', 'notes.number');\n"
            "$query->update(['state' => 'open']);",
        ),
        None,
        apart={"mysql": "breaks"},
    ),
    Case(
        "raw-delete-from-two-tables",
        _NOTES + on("mysql", "DB::statement('DELETE notes, comments FROM notes JOIN comments');"),
        None,
        apart={"mysql": "wrong"},
    ),
    Case(
        "raw-delete-from-the-joined-table",
        _NOTES + on("mysql", "DB::statement('DELETE comments FROM notes JOIN comments');"),
        None,
        apart={"mysql": "wrong"},
    ),
    Case(
        "raw-truncate-two-tables",
        _NOTES + on("pgsql", "DB::statement('TRUNCATE notes, comments');"),
        None,
        apart={"pgsql": "wrong"},
    ),
    Case(
        "raw-truncate-cascades",
        _NOTES
        + on(
            "pgsql",
            "DB::statement('ALTER TABLE comments ADD COLUMN note_id BIGINT REFERENCES notes ON DELETE SET NULL');\n"
            "DB::statement('TRUNCATE notes CASCADE');",
        ),
        None,
        apart={"pgsql": "wrong"},
    ),
    Case(
        "raw-sequence-on-a-number-that-is-taken",
        on("pgsql", "DB::select(\"SELECT setval('orders_id_seq', (SELECT MAX(id) FROM orders), false)\");"),
        None,
        apart={"pgsql": "breaks"},
    ),
    # -- new tables that hold old rows --------------------------------------------------------------------------------
    Case(
        "raw-table-that-inherits",
        on("pgsql", "DB::statement('CREATE TABLE old_reviews () INHERITS (reviews)');"),
        None,
        live="DB::getDriverName() === 'pgsql' && DB::table('old_reviews')->insert(['id' => 900, 'title' => 'old']);",
        apart={"pgsql": "wrong"},
    ),
    Case(
        "key-to-what-may-be-changed",
        created(
            "labels",
            "id()",
            "string('sku', 40)",
            "foreign('sku')->references('sku')->on('products')->cascadeOnDelete()",
        ),
        None,
        "breaks",
        live="DB::table('labels')->insert(['sku' => 'V-1']);",
    ),
    Case(
        "key-that-passes-changes-on",
        created(
            "labels",
            "id()",
            "string('sku', 40)",
            "foreign('sku')->references('sku')->on('products')->cascadeOnDelete()->cascadeOnUpdate()",
        ),
        None,
        live="DB::table('labels')->insert(['sku' => 'V-1']);",
    ),
    Case(
        "key-to-a-table-that-is-emptied",
        created("pages", "id()", "foreignId('session_id')->constrained('sessions')->cascadeOnDelete()"),
        None,
        apart={"mysql": "breaks"},
    ),
    # -- names that older code uses -----------------------------------------------------------------------------------
    Case(
        "rename-index-that-is-named",
        table("orders", "renameIndex('orders_customer_id_index', 'by_customer')"),
        None,
        apart={"mysql": "breaks", "sqlite": "breaks"},
    ),
)
