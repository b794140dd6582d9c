"""Functions, classes and methods that are known to leave the database as it is.

A name that is missing here is not harmful for that; what calls it is read as "unread", and that asks.
"""

from __future__ import annotations

from runbook_lib.migrations.words import words

# PHP's own functions, without those that write files, run programs, load code or call by name.
FUNCTIONS = words(
    """
    abs array array_chunk array_column array_combine array_count_values array_diff array_diff_assoc array_diff_key
    array_fill array_fill_keys array_flip array_intersect array_intersect_key array_is_list array_key_exists
    array_key_first array_key_last array_keys array_merge array_merge_recursive array_pad array_pop array_product
    array_push array_rand array_replace array_reverse array_search array_shift array_slice array_splice array_sum
    array_unique array_unshift array_values arsort asort base64_decode base64_encode bcadd bccomp bcdiv bcmul bcsub
    bin2hex boolval ceil checkdate chr class_basename class_exists compact constant count crc32 ctype_alnum
    ctype_alpha ctype_digit ctype_lower ctype_space ctype_upper current date date_create date_default_timezone_get
    defined dirname empty end enum_exists explode extension_loaded file_exists filter_var floatval floor fmod
    func_get_args function_exists gettype get_class get_object_vars gmdate hash hex2bin hrtime html_entity_decode
    htmlentities htmlspecialchars htmlspecialchars_decode http_build_query implode in_array intdiv interface_exists
    intval is_a is_array is_bool is_callable is_countable is_dir is_file is_float is_int is_integer is_iterable
    is_null is_numeric is_object is_readable is_scalar is_string is_subclass_of isset iterator_to_array join
    json_decode json_encode json_last_error json_last_error_msg key krsort ksort lcfirst levenshtein ltrim max
    mb_convert_case mb_convert_encoding mb_detect_encoding mb_internal_encoding mb_str_split mb_strcut mb_strlen
    mb_strpos mb_strrpos mb_strtolower mb_strtoupper mb_strwidth mb_substr mb_substr_count md5 memory_get_usage
    method_exists microtime min mktime mt_rand natsort nl2br number_format ord parse_str parse_url pathinfo
    php_uname phpversion pow preg_grep preg_last_error preg_match preg_match_all preg_quote preg_replace preg_split
    prev property_exists rand random_bytes random_int range rawurldecode rawurlencode realpath reset round rsort
    rtrim serialize set_time_limit settype sha1 similar_text sizeof sleep sort sprintf sqrt str_contains
    str_ends_with str_ireplace str_pad str_repeat str_replace str_split str_starts_with str_word_count strcasecmp
    strcmp strip_tags stripos stripslashes stristr strlen strnatcmp strncasecmp strncmp strpos strrchr strrev
    strripos strrpos strstr strtolower strtotime strtoupper strtr strval substr substr_compare substr_count
    substr_replace time trim trait_exists ucfirst ucwords uniqid unserialize urldecode urlencode usleep utf8_decode
    utf8_encode var_export version_compare vsprintf wordwrap ini_get ini_set gc_collect_cycles flush ob_flush
    print_r var_dump
    """
)

# Those that set a variable that they are given, and at which position.
BY_REFERENCE = dict.fromkeys(
    words(
        """
        array_pop array_push array_shift array_splice array_unshift array_walk arsort asort data_set krsort ksort
        natsort rsort settype sort uasort uksort usort
        """
    ),
    0,
) | {"parse_str": 1, "preg_match": 2, "preg_match_all": 2, "similar_text": 2, "str_replace": 3, "str_ireplace": 3}

# Functions of PHP that run the closure they are given.
WITH_CLOSURES = words(
    """
    array_map array_filter array_walk array_reduce usort uasort uksort iterator_apply preg_replace_callback
    array_udiff array_uintersect
    """
)

# Laravel's helpers.
HELPERS = words(
    """
    abort abort_if decrypt encrypt abort_unless app_path array_get asset base_path bcrypt blank carbon collect
    config_path data_get data_set database_path dd dump e env fake filled fluent head info is_null last lang_path
    logger config now object_get optional public_path report resource_path route snake_case storage_path str
    str_limit str_plural str_random str_singular str_slug studly_case camel_case throw_if throw_unless today trans
    trans_choice url uuid value with __ class_uses_recursive rescue once literal
    """
)

# Facades and classes all of whose static methods and results leave the database as it is.
CLASSES = words(
    """
    Illuminate\\Support\\Str Illuminate\\Support\\Carbon Illuminate\\Support\\Facades\\Log
    Illuminate\\Support\\Facades\\Hash Illuminate\\Support\\Facades\\Crypt Illuminate\\Support\\Facades\\Lang
    Illuminate\\Support\\Facades\\Date Illuminate\\Support\\Number Illuminate\\Support\\Facades\\URL
    Illuminate\\Support\\Stringable Illuminate\\Support\\Env Illuminate\\Support\\HtmlString
    Doctrine\\DBAL\\Types\\Type Carbon\\Carbon Carbon\\CarbonImmutable Ramsey\\Uuid\\Uuid
    Symfony\\Component\\Uid\\Ulid Symfony\\Component\\Uid\\Uuid Webpatser\\Uuid\\Uuid Str Log Hash Crypt Lang Date
    DateTime DateTimeImmutable DateInterval URL Symfony\\Component\\Console\\Output\\ConsoleOutput
    Symfony\\Component\\Console\\Helper\\ProgressBar Laravel\\Fortify\\Fortify Laravel\\Fortify\\Features
    Laravel\\Jetstream\\Jetstream Laravel\\Jetstream\\Features
    """
)

# Base classes of packages' migrations, and what their own methods ask, in lower case: nothing is changed by it.
INHERITED = {"Laravel\\Pulse\\Support\\PulseMigration": {"shouldrun", "driver"}}

# Classes all of whose static methods are harmless but may give back an object that was put in.
HOLDERS = words(
    """
    Illuminate\\Support\\Arr Illuminate\\Support\\Collection Arr
    """
)
# Of theirs, those that set the array that they are given.
HOLDERS_SET = words("forget pull push set")
# Functions that may give back an object that was put in; what it is decides what calls on it do.
GIVING = words(
    """
    head last end current reset next prev max min data_get object_get value with optional compact iterator_to_array
    func_get_args get_object_vars unserialize constant key_exists literal blank filled fluent data_set
    """
)
CACHES = {"Cache", "Illuminate\\Support\\Facades\\Cache"}
# Looking at files; what writes or deletes them is not among these.
FILES = {
    "Storage", "Illuminate\\Support\\Facades\\Storage", "File", "Illuminate\\Support\\Facades\\File",
}  # fmt: skip
FILE_READS = words(
    """
    disk exists missing get json path url size lastModified mimeType files allFiles directories allDirectories
    isDirectory isFile isReadable extension name basename dirname glob hash lines
    """
)
ARTISANS = {"Artisan", "Illuminate\\Support\\Facades\\Artisan"}
# Commands of Laravel's own that touch no database, and no files but those that it makes itself.
COMMANDS = words(
    """
    config:clear config:cache route:clear route:cache view:clear view:cache event:clear event:cache clear-compiled
    optimize queue:restart horizon:terminate octane:reload storage:link package:discover permission:cache-reset
    lang:publish schedule:clear-cache
    """
)
CACHE_WRITES = words("forget flush tags store forgetMany clear driver lock delete deleteMultiple")
CACHED = words("put forever add set putMany remember rememberForever sear")
# Methods that run what they are given.
RUNNING = words(
    """
    each eachById eachSpread map flatMap mapWithKeys mapSpread mapToGroups transform filter reject reduce tap pipe
    chunk chunkById chunkMap every partition
    """
)

# Static methods of an application's enums that list what there is.
OF_ENUMS = words("values names options toArray asArray getValues getKeys keys labels all default")

# Classes whose constructors do nothing but hold their arguments.
MADE = words(
    """
    stdClass DateTime DateTimeImmutable DateTimeZone DateInterval DatePeriod Exception RuntimeException
    InvalidArgumentException LogicException UnexpectedValueException Illuminate\\Support\\HtmlString Carbon\\Carbon
    Carbon\\CarbonImmutable Illuminate\\Support\\Carbon Symfony\\Component\\Console\\Output\\ConsoleOutput
    Symfony\\Component\\Console\\Helper\\ProgressBar Faker\\Generator ReflectionClass
    """
)

# Methods of the application: app()->environment().
APPLICATION = words(
    """
    environment runningUnitTests runningInConsole isLocal isProduction getLocale version isDownForMaintenance
    getEnvironment hasDebugModeEnabled bound has currentLocale
    """
)

# Methods that build or read a query, or walk over what was read.
READS = words(
    """
    all average avg chunkMap clone collect count crossJoin cursor dd ddRawSql distinct doesntExist dump exists
    existsOr fill find findMany findOr findOrFail first firstOrFail firstWhere firstOr forPage forceIndex from
    fromSub fromRaw get getAttribute getAttributes getBindings mergeBindings addBinding getConnection
    getConnectionName getKey getKeyName getModel getOriginal getQuery getRawOriginal getRelation getTable groupBy
    groupByRaw has having havingNull havingRaw havingNotNull hasColumn implode inRandomOrder isDirty isEmpty
    isNotEmpty join joinSub joinWhere keys keyBy last latest lazy lazyById leftJoin leftJoinSub limit load
    loadMissing lockForUpdate make makeHidden makeVisible max min newInstance newQuery newModelQuery offset oldest
    only on onlyTrashed onWriteConnection orDoesntHave orHas orHaving orWhere orWhereBetween orWhereColumn
    orWhereDate orWhereDoesntHave orWhereExists orWhereHas orWhereIn orWhereJsonContains orWhereNotExists
    orWhereNotIn orWhereNotNull orWhereNot orWhereNull orWhereRaw orWhereLike orderBy orderByDesc orderByRaw
    paginate pluck query raw refresh relationLoaded reorder replicate resolveRouteBinding rightJoin select selectRaw
    selectSub addSelect setAppends setAttribute setConnection setHidden setRelation setTable sharedLock skip sole
    sum take tap toArray toBase toJson toRawSql toSql trashed union unionAll unset unsetRelation useWritePdo value
    values wasChanged when unless where whereBetween whereColumn whereDate whereDay whereDoesntHave whereExists
    whereHas whereHasMorph whereIn whereIntegerInRaw whereJsonContains whereJsonLength whereKey whereKeyNot
    whereLike whereMonth whereNot whereNotBetween whereNotExists whereNotIn whereNotLike whereNotNull whereNull
    whereRaw whereRelation whereTime whereYear with withCount withoutGlobalScope withoutGlobalScopes withOnly
    withSum withTrashed without withoutEagerLoads whereAny whereAll whereFullText whereMorphedTo
    whereDoesntHaveMorph whereMorphRelation whereJsonDoesntContain whereJsonContainsKey whereBelongsTo associate
    dissociate contains containsStrict diff each eachById eachSpread chunk chunkById chunkWhile eachItem every
    except filter flatMap flatten flip forget intersect map mapInto mapSpread mapToGroups mapWithKeys merge nth
    partition pipe pop prepend push put random reduce reject reverse search shift shuffle slice some sort sortBy
    sortByDesc sortKeys splice split transform undot unique whenEmpty whenNotEmpty whereInstanceOf whereStrict zip
    getCollection items hasMorePages nextCursor setTouchedRelations timestamps usesTimestamps getDates fetch
    lists orOn fetchAll fetchColumn format getTimestamp toDateString toDateTimeString orderedUuid forPageAfterId
    """
) - {"push"}

# Methods that write rows. What they lose is in the rules.
WRITES = {
    "insert": "insert rows", "insertGetId": "insert rows", "insertOrIgnore": "insert rows",
    "insertUsing": "insert rows", "create": "insert rows", "createQuietly": "insert rows", "forceCreate": "insert rows",
    "createMany": "insert rows", "saveMany": "insert rows", "firstOrCreate": "insert rows", "attach": "insert rows",
    "createOrFirst": "insert rows", "insertOrIgnoreUsing": "insert rows", "insertOrIgnoreReturning": "insert rows",
    "findOrCreate": "insert rows", "fillAndInsert": "insert rows",
    "update": "change rows", "updateOrInsert": "change rows", "upsert": "change rows", "increment": "change rows",
    "decrement": "change rows", "incrementEach": "change rows", "decrementEach": "change rows", "save": "change rows",
    "saveQuietly": "change rows", "saveOrFail": "change rows", "updateQuietly": "change rows",
    "updateOrCreate": "change rows", "updateOrFail": "change rows", "updateFrom": "change rows",
    "touch": "change rows", "restore": "change rows", "restoreQuietly": "change rows", "push": "change rows",
    "sync": "change rows", "syncWithoutDetaching": "change rows", "updateExistingPivot": "change rows",
    "toggle": "change rows", "givePermissionTo": "change rows", "assignRole": "change rows",
    "syncPermissions": "change rows", "syncRoles": "change rows", "forceFill": "", "decrementQuietly": "change rows",
    "incrementQuietly": "change rows", "touchQuietly": "change rows",
    "delete": "delete rows", "forceDelete": "delete rows", "truncate": "delete rows", "detach": "delete rows",
    "destroy": "delete rows", "deleteQuietly": "delete rows", "deleteOrFail": "delete rows",
    "removeRole": "delete rows",
    "revokePermissionTo": "delete rows", "forceDestroy": "delete rows",
}  # fmt: skip
