"""Migrations of every kind, each on top of the same shop (tests/real/laravel/base), and what they do to its older code.

The older code is always the base: it creates, changes, lists and deletes in all tables. What is said here of each case
(`truth`) was measured by tests/laravel/truth.py, which measures it again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tests.laravel.case import Case, Truth, block, created, table
from tests.laravel.overlooked import OVERLOOKED
from tests.real.databases import Driver

_INVOICES = ("id()", "string('number')", "timestamps()")
_OUTSTANDING = "DB::table('invoices')->insert(['number' => 'I-1', 'order_id' => 1]);"

_CASES = (
    # -- tables -------------------------------------------------------------------------------------------------------
    Case("create-table", created("invoices", *_INVOICES), "Schema::dropIfExists('invoices');"),
    Case(
        "create-table-with-cascading-key",
        created("invoices", *_INVOICES, "foreignId('order_id')->constrained('orders')->cascadeOnDelete()"),
        "Schema::dropIfExists('invoices');",
        live=_OUTSTANDING,
    ),
    Case(
        "create-table-with-restricting-key",
        created("invoices", *_INVOICES, "foreignId('order_id')->constrained('orders')"),
        "Schema::dropIfExists('invoices');",
        "breaks",
        live=_OUTSTANDING,
    ),
    Case(
        "rename-table", "Schema::rename('customers', 'clients');", "Schema::rename('clients', 'customers');", "breaks"
    ),
    Case("drop-table", "Schema::drop('visits');", None, "breaks"),
    Case("drop-table-if-exists", "Schema::dropIfExists('reviews');", None, "breaks"),
    Case("drop-all-tables", "Schema::dropAllTables();", None, "breaks"),
    Case("drop-unused-table", "Schema::dropIfExists('legacy_imports');", None),
    # -- columns added ------------------------------------------------------------------------------------------------
    Case(
        "add-nullable-column",
        table("products", "string('subtitle')->nullable()"),
        table("products", "dropColumn('subtitle')"),
    ),
    Case(
        "add-column-with-default",
        table("products", "boolean('featured')->default(false)"),
        table("products", "dropColumn('featured')"),
    ),
    Case(
        "add-column-with-current-time",
        table("reviews", "timestamp('seen_at')->useCurrent()"),
        table("reviews", "dropColumn('seen_at')"),
    ),
    Case("add-column-required", table("reviews", "string('author')"), None, "breaks"),
    Case("add-integer-required", table("reviews", "integer('stars')"), None, "breaks"),
    Case("add-boolean-required", table("reviews", "boolean('shown')"), None, "breaks"),
    Case("add-json-required", table("reviews", "json('extra')"), None, "breaks"),
    Case("add-timestamp-required", table("reviews", "timestamp('seen_at')"), None, "breaks"),
    Case("add-enum-required", table("reviews", "enum('tone', ['kind', 'harsh'])"), None, "breaks"),
    Case("add-column-required-to-full-table", table("orders", "string('channel')"), None, "breaks"),
    Case(
        "add-foreign-id-required", table("reviews", "foreignId('product_id')->constrained('products')"), None, "breaks"
    ),
    Case(
        "add-foreign-id-nullable",
        table("reviews", "foreignId('product_id')->nullable()->constrained('products')"),
        None,
    ),
    Case("add-morphs", table("reviews", "morphs('about')"), None, "breaks"),
    Case("add-nullable-morphs", table("reviews", "nullableMorphs('about')"), table("reviews", "dropMorphs('about')")),
    Case("add-uuid-required", table("reviews", "uuid('uid')"), None, "breaks"),
    Case("add-unique-column-with-default", table("reviews", "string('slug')->default('')->unique()"), None, "breaks"),
    Case("add-unique-nullable-column", table("reviews", "string('slug')->nullable()->unique()"), None),
    Case("add-timestamps", table("order_lines", "timestamps()"), table("order_lines", "dropTimestamps()")),
    Case("add-remember-token", table("customers", "rememberToken()"), table("customers", "dropRememberToken()")),
    Case("add-generated-column", table("orders", "integer('gross')->storedAs('total * 2')"), None),
    Case("add-virtual-column", table("orders", "integer('gross')->virtualAs('total * 2')"), None),
    Case(
        "add-soft-deletes",
        table("reviews", "softDeletes()"),
        table("reviews", "dropSoftDeletes()"),
        "wrong",
        live="DB::table('reviews')->insert(['title' => 'withdrawn', 'deleted_at' => now()]);",
    ),
    Case("add-json", table("categories", "json('meta')->nullable()"), table("categories", "dropColumn('meta')")),
    Case("add-jsonb", table("categories", "jsonb('meta')->nullable()"), table("categories", "dropColumn('meta')")),
    Case("add-column-named-as-relation", table("products", "string('category')->nullable()"), None, "wrong"),
    Case("add-column-ambiguous-in-join", table("orders", "string('email')->nullable()"), None, "breaks"),
    # -- columns dropped and renamed ----------------------------------------------------------------------------------
    Case(
        "drop-column",
        table("products", "dropColumn('weight')"),
        table("products", "decimal('weight')->nullable()"),
        "breaks",
    ),
    Case("drop-columns", table("products", "dropColumn(['weight', 'description'])"), None, "breaks"),
    Case("schema-drop-columns", "Schema::dropColumns('products', ['weight']);", None, "breaks"),
    Case("drop-unused-column", table("customers", "dropColumn('phone')"), None),
    Case(
        "drop-morphs",
        table("comments", "dropMorphs('commentable')"),
        table("comments", "nullableMorphs('commentable')"),
        "breaks",
    ),
    Case("drop-remember-token", table("users", "dropRememberToken()"), table("users", "rememberToken()"), "breaks"),
    Case("drop-timestamps", table("reviews", "dropTimestamps()"), table("reviews", "timestamps()"), "breaks"),
    Case("drop-soft-deletes", table("products", "dropSoftDeletes()"), table("products", "softDeletes()"), "breaks"),
    Case(
        "drop-constrained-foreign-id",
        table("products", "dropConstrainedForeignId('category_id')"),
        table("products", "foreignId('category_id')->nullable()->constrained('categories')"),
        "breaks",
    ),
    Case(
        "rename-column",
        table("products", "renameColumn('name', 'title')"),
        table("products", "renameColumn('title', 'name')"),
        "breaks",
    ),
    # -- columns changed ----------------------------------------------------------------------------------------------
    Case(
        "widen-string",
        table("products", "string('name', 200)->change()"),
        table("products", "string('name', 60)->change()"),
    ),
    Case("string-to-text", table("orders", "text('coupon')->nullable()->change()"), None),
    Case("integer-to-bigint", table("orders", "bigInteger('total')->default(0)->change()"), None),
    Case("narrow-string", table("customers", "string('nickname', 3)->nullable()->change()"), None, "breaks"),
    Case("bigint-to-smallint", table("orders", "smallInteger('total')->default(0)->change()"), None, "breaks"),
    Case("integer-to-string", table("orders", "string('total')->default('0')->change()"), None, "breaks"),
    Case("decimal-to-integer", table("products", "integer('weight')->nullable()->change()"), None, "wrong"),
    Case("text-to-json", table("products", "json('description')->nullable()->change()"), None, "breaks"),
    Case(
        "make-required",
        table("customers", "string('nickname', 80)->nullable(false)->change()"),
        table("customers", "string('nickname', 80)->nullable()->change()"),
        "breaks",
    ),
    Case(
        "make-nullable",
        table("customers", "string('name')->nullable()->change()"),
        table("customers", "string('name')->nullable(false)->change()"),
    ),
    Case(
        "make-nullable-and-write-null",
        table("reviews", "string('title')->nullable()->change()"),
        table("reviews", "string('title')->nullable(false)->change()"),
        "wrong",
        live="DB::table('reviews')->insert(['title' => null]);",
    ),
    Case(
        "drop-default",
        table("orders", "string('state')->default(null)->change()"),
        table("orders", "string('state')->default('new')->change()"),
        "breaks",
    ),
    Case(
        "change-default",
        table("orders", "string('state')->default('open')->change()"),
        table("orders", "string('state')->default('new')->change()"),
        "breaks",
    ),
    Case("comment-on-column", table("customers", "string('email')->comment('for the invoice')->change()"), None),
    # -- indexes and keys ---------------------------------------------------------------------------------------------
    Case("add-index", table("orders", "index('number')"), table("orders", "dropIndex(['number'])")),
    Case(
        "add-full-text",
        table("products", "fullText('description')"),
        table("products", "dropFullText(['description'])"),
    ),
    Case("add-spatial-index", table("legacy_imports", "point('place')", "spatialIndex('place')"), None),
    Case("add-unique", table("customers", "unique('email')"), table("customers", "dropUnique(['email'])"), "breaks"),
    Case(
        "add-unique-that-holds",
        table("settings", "unique(['key', 'value'])"),
        table("settings", "dropUnique(['key', 'value'])"),
    ),
    Case("add-primary", table("visits", "primary('page')"), table("visits", "dropPrimary()"), "breaks"),
    Case("drop-index", table("products", "dropIndex(['name'])"), table("products", "index('name')")),
    Case("drop-unique", table("settings", "dropUnique(['key'])"), table("settings", "unique('key')"), "breaks"),
    Case(
        "rename-index",
        table("products", "renameIndex('products_name_index', 'by_name')"),
        table("products", "renameIndex('by_name', 'products_name_index')"),
    ),
    Case(
        "add-foreign",
        table("orders", "foreign('customer_id')->references('id')->on('customers')"),
        table("orders", "dropForeign(['customer_id'])"),
        "breaks",
    ),
    Case(
        "drop-foreign",
        table("order_lines", "dropForeign(['product_id'])"),
        table("order_lines", "foreign('product_id')->references('id')->on('products')"),
    ),
    Case(
        "drop-foreign-that-cascades",
        table("order_lines", "dropForeign(['order_id'])"),
        table("order_lines", "foreign('order_id')->references('id')->on('orders')"),
        "wrong",
    ),
    # -- enums --------------------------------------------------------------------------------------------------------
    Case(
        "enum-value-added",
        """
        if (DB::getDriverName() === 'mysql') {
            DB::statement("ALTER TABLE products MODIFY status ENUM('draft', 'active', 'retired', 'sale') NOT NULL");
        }
        if (DB::getDriverName() === 'pgsql') {
            DB::statement('ALTER TABLE products DROP CONSTRAINT products_status_check');
            DB::statement("ALTER TABLE products ADD CHECK (status IN ('draft', 'active', 'retired', 'sale'))");
        }
        """,
        None,
        "breaks",
        live="DB::getDriverName() === 'sqlite' || DB::table('products')->where('id', 1)->update(['status' => 'sale']);",
    ),
    Case(
        "enum-value-removed",
        """
        if (DB::getDriverName() === 'mysql') {
            DB::statement("ALTER TABLE products MODIFY status ENUM('draft', 'active') DEFAULT 'draft'");
        }
        if (DB::getDriverName() === 'pgsql') {
            DB::statement('ALTER TABLE products DROP CONSTRAINT products_status_check');
            DB::statement("ALTER TABLE products ADD CHECK (status IN ('draft', 'active'))");
        }
        """,
        None,
        "breaks",
    ),
    # -- SQL of its own -----------------------------------------------------------------------------------------------
    Case("raw-create-index", "DB::statement('CREATE INDEX orders_by_number ON orders (number)');", None),
    Case("raw-add-nullable-column", "DB::statement('ALTER TABLE orders ADD COLUMN channel VARCHAR(20)');", None),
    Case(
        "raw-add-required-column",
        'DB::statement("ALTER TABLE reviews ADD COLUMN author VARCHAR(20) NOT NULL");',
        None,
        "breaks",
    ),
    Case("raw-drop-column", "DB::statement('ALTER TABLE products DROP COLUMN weight');", None, "breaks"),
    Case("raw-rename-column", "DB::statement('ALTER TABLE products RENAME COLUMN weight TO mass');", None, "breaks"),
    Case(
        "raw-create-view",
        "DB::statement('CREATE VIEW open_orders AS SELECT * FROM orders');",
        "DB::statement('DROP VIEW open_orders');",
    ),
    Case(
        "raw-check",
        "DB::statement('ALTER TABLE orders ADD CONSTRAINT positive CHECK (total > 0)');",
        None,
        "breaks",
    ),
    Case(
        "unprepared-statements",
        "DB::unprepared('CREATE INDEX one ON orders (number); DROP TABLE visits;');",
        None,
        "breaks",
    ),
    Case("interpolated-statement", "$table = 'visits';\nDB::statement(\"DROP TABLE $table\");", None, "breaks"),
    # -- data ---------------------------------------------------------------------------------------------------------
    Case("data-update", "DB::table('orders')->where('state', 'new')->update(['state' => 'open']);", None, "breaks"),
    Case("data-delete", "DB::table('comments')->delete();", None, "wrong"),
    Case("data-truncate", "DB::table('comments')->truncate();", None, "wrong"),
    Case("data-insert", "DB::table('settings')->insert(['key' => 'currency', 'value' => 'EUR']);", None),
    Case("raw-update", "DB::update(\"UPDATE orders SET state = 'open'\");", None, "breaks"),
    Case("eloquent-update", "Product::query()->update(['name' => 'renamed']);", None, "wrong"),
    Case(
        "eloquent-loop",
        "foreach (Product::all() as $product) {\n    $product->update(['status' => 'draft']);\n}",
        None,
        "wrong",
    ),
    # -- branches and what cannot be read -----------------------------------------------------------------------------
    Case(
        "guard-has-column",
        block("if (! Schema::hasColumn('products', 'subtitle'))", table("products", "string('subtitle')->nullable()")),
        None,
    ),
    Case(
        "guard-hides-drop",
        block("if (Schema::hasColumn('products', 'weight'))", table("products", "dropColumn('weight')")),
        None,
        "breaks",
    ),
    Case("early-return", "return;\n" + table("products", "dropColumn('weight')"), None),
    Case(
        "loop-over-tables",
        block("foreach (['orders', 'customers'] as $name)", table("$name", "string('tenant')->nullable()")),
        None,
    ),
    Case(
        "loop-over-tables-drops",
        block("foreach (['reviews', 'customers'] as $name)", table("$name", "dropTimestamps()")),
        None,
        "breaks",
    ),
    Case(
        "column-name-in-variable",
        "$column = 'wei' . 'ght';\n"
        + table("products", "dropColumn($column)").replace("(Blueprint $table)", "(Blueprint $table) use ($column)"),
        None,
        "breaks",
    ),
    Case(
        "method-of-its-own",
        "$this->change();",
        None,
        "breaks",
        body="private function change()\n    {\n        Schema::drop('visits');\n    }",
    ),
    Case(
        "other-connection",
        "Schema::connection('reports')->create('totals', function (Blueprint $table) {\n    $table->id();\n});",
        None,
    ),
    Case(
        "connection-of-the-class",
        created("totals", "id()"),
        "Schema::drop('totals');",
        body="protected $connection = 'reports';",
    ),
    Case("without-transaction", table("orders", "index('number')"), None, body="public $withinTransaction = false;"),
    Case("does-nothing", "//", "//"),
    # -- the same, written in ways that are easily overlooked ---------------------------------------------------------
    Case(
        "add-generated-column-that-can-fail",
        table("orders", "integer('share')->storedAs('1000 / total')"),
        None,
        "breaks",
    ),
    Case("add-index-on-text", table("products", "index('description')"), None),
    Case(
        "add-deleted-at-by-hand",
        table("reviews", "timestamp('deleted_at')->nullable()"),
        None,
        "wrong",
        live="DB::table('reviews')->insert(['title' => 'withdrawn', 'deleted_at' => now()]);",
    ),
    Case("make-unsigned", table("orders", "unsignedInteger('total')->default(0)->change()"), None, "breaks"),
    Case("rename-in-blueprint", table("visits", "rename('views')"), None, "breaks"),
    Case("drop-in-blueprint", table("visits", "drop()"), None, "breaks"),
    Case("drop-through-connection", "DB::connection()->getSchemaBuilder()->drop('visits');", None, "breaks"),
    Case("drop-through-container", "app('db')->statement('DROP TABLE visits');", None, "breaks"),
    Case("drop-by-full-name", "\\Illuminate\\Support\\Facades\\Schema::drop('visits');", None, "breaks"),
    Case("raw-drop-decoded", "DB::unprepared(base64_decode('RFJPUCBUQUJMRSB2aXNpdHM='));", None, "breaks"),
    Case("raw-drop-through-select", "DB::select('DROP TABLE visits');", None, "breaks"),
    Case("raw-drop-through-pdo", "DB::getPdo()->exec('DROP TABLE visits');", None, "breaks"),
    Case("raw-drop-in-heredoc", "DB::statement(<<<SQL\n    DROP TABLE visits\n    SQL);", None, "breaks"),
    Case("raw-drop-in-small-letters", "DB::statement('drop /* unused */ table visits');", None, "breaks"),
    Case(
        "raw-add-and-drop",
        "DB::statement('ALTER TABLE products ADD COLUMN a INT, DROP COLUMN weight');",
        None,
        "breaks",
    ),
    Case(
        "blueprint-under-another-name",
        "Schema::table('products', function (Blueprint $table) {\n    $t = $table;\n    $t->dropColumn('weight');\n});",
        None,
        "breaks",
    ),
    Case(
        "method-in-variable",
        "Schema::table('products', function (Blueprint $table) {\n"
        "    $method = 'dropColumn';\n    $table->$method('weight');\n});",
        None,
        "breaks",
    ),
    Case(
        "method-as-callable",
        "Schema::table('products', $this->alter(...));",
        None,
        "breaks",
        body="public function alter(Blueprint $table)\n    {\n        $table->dropColumn('weight');\n    }",
    ),
    Case("closure-called-at-once", "(function () {\n    Schema::drop('visits');\n})();", None, "breaks"),
    Case("called-by-function", "call_user_func([Schema::class, 'drop'], 'visits');", None, "breaks"),
    Case("class-in-variable", "$schema = Schema::class;\n$schema::drop('visits');", None, "breaks"),
    # -- down ---------------------------------------------------------------------------------------------------------
    Case("down-missing", table("products", "string('subtitle')->nullable()"), None),
    Case("down-empty", table("products", "string('subtitle')->nullable()"), ""),
    # -- several at once ----------------------------------------------------------------------------------------------
    Case(
        "several-safe",
        "\n".join(
            [created("invoices", *_INVOICES), table("products", "string('subtitle')->nullable()", "index('price')")]
        ),
        "\n".join([table("products", "dropColumn('subtitle')"), "Schema::drop('invoices');"]),
    ),
    Case(
        "safe-and-breaking", table("products", "string('subtitle')->nullable()", "dropColumn('weight')"), None, "breaks"
    ),
    Case(
        "chain-on-one-line",
        "Schema::table('products', fn (Blueprint $table) => $table->dropColumn('weight'));",
        None,
        "breaks",
    ),
    Case(
        "add-then-fill-then-require",
        "\n".join(
            [
                table("reviews", "string('author')->nullable()"),
                "DB::table('reviews')->update(['author' => 'unknown']);",
                table("reviews", "string('author')->nullable(false)->change()"),
            ]
        ),
        None,
        "breaks",
    ),
    Case(
        "add-foreign-to-a-table-that-others-refer-to",
        table("orders", "unsignedBigInteger('channel_id')->nullable()")
        + table("orders", "foreign('channel_id')->references('id')->on('categories')->nullOnDelete()"),
        None,
    ),
    Case("capitals-in-a-method", table("customers", "STRING('title')->nullable()"), None),
    Case("capitals-in-a-modifier", table("customers", "string('title')->Nullable()"), None, "breaks"),
    Case("drop-with-capitals", table("customers", "DropColumn('nickname')"), None, "breaks"),
    Case("create-in-try", block("try", created("invoices", *_INVOICES)) + block("catch (Exception $e)", ""), None),
    Case("clear-views", "\\Illuminate\\Support\\Facades\\Artisan::call('view:clear');", None),
    Case("relation-deleted", block("foreach (Product::all() as $one)", "$one->comments()->delete();"), None, "wrong"),
    Case(
        "model-filled-and-saved", "$new = new \\App\\Models\\Category(['name' => 'new']);\n$new->save();", None, "wrong"
    ),
)

# Where one database differs from the others. SQLite alters a table by making it anew, and with foreign keys on,
# dropping the old one is refused where rows refer to it, or takes those rows along where they cascade.
APART: Mapping[str, Mapping[Driver, Truth]] = {
    "add-boolean-required": {"sqlite": "breaks"},
    "add-column-required": {"sqlite": "breaks"},
    "add-column-required-to-full-table": {"pgsql": "refused", "sqlite": "refused"},
    "add-column-with-current-time": {"sqlite": "works"},
    "add-enum-required": {"mysql": "works"},
    "add-foreign": {"sqlite": "works"},
    "add-full-text": {"sqlite": "refused"},
    "add-integer-required": {"sqlite": "breaks"},
    "add-json": {"pgsql": "breaks"},
    "add-json-required": {"sqlite": "breaks"},
    "add-primary": {"sqlite": "works"},
    "add-spatial-index": {"pgsql": "refused", "sqlite": "refused"},
    "add-timestamp-required": {"sqlite": "breaks"},
    "add-virtual-column": {"pgsql": "refused"},
    "capitals-in-a-modifier": {"pgsql": "refused", "sqlite": "refused"},
    "bigint-to-smallint": {"sqlite": "wrong"},
    "chain-on-one-line": {"sqlite": "refused"},
    "column-name-in-variable": {"sqlite": "refused"},
    "decimal-to-integer": {"pgsql": "breaks", "sqlite": "refused"},
    "drop-all-tables": {"pgsql": "refused", "mysql": "refused", "sqlite": "refused"},
    "drop-column": {"sqlite": "refused"},
    "drop-columns": {"sqlite": "refused"},
    "drop-constrained-foreign-id": {"sqlite": "refused"},
    "drop-foreign": {"sqlite": "refused"},
    "drop-foreign-that-cascades": {"sqlite": "refused"},
    "drop-soft-deletes": {"sqlite": "refused"},
    "drop-unique": {"mysql": "wrong"},
    "enum-value-added": {"sqlite": "works"},
    "enum-value-removed": {"sqlite": "works"},
    "guard-hides-drop": {"sqlite": "refused"},
    "integer-to-bigint": {"sqlite": "wrong"},
    "narrow-string": {"pgsql": "refused", "mysql": "refused", "sqlite": "works"},
    "rename-column": {"sqlite": "refused"},
    "raw-check": {"sqlite": "refused"},
    "safe-and-breaking": {"sqlite": "refused"},
    "schema-drop-columns": {"sqlite": "refused"},
    "string-to-text": {"sqlite": "wrong"},
    "text-to-json": {"pgsql": "refused", "mysql": "works", "sqlite": "refused"},
    "widen-string": {"sqlite": "refused"},
    "add-generated-column-that-can-fail": {"sqlite": "works"},
    "add-index-on-text": {"pgsql": "breaks"},
    "make-unsigned": {"pgsql": "works", "sqlite": "wrong"},
    "raw-add-and-drop": {"sqlite": "refused"},
    "blueprint-under-another-name": {"sqlite": "refused"},
    "method-in-variable": {"sqlite": "refused"},
    "method-as-callable": {"sqlite": "refused"},
}

CASES = (*(replace(case, apart=APART.get(case.name, {})) for case in _CASES), *OVERLOOKED)
