"""Laravel's schema builder, versions 8 to 13: which method makes which change.

From Illuminate\\Database\\Schema\\Blueprint, ColumnDefinition, ForeignIdColumnDefinition, ForeignKeyDefinition and
IndexDefinition. A method that is not here (a macro) is unread.
"""

from __future__ import annotations

from runbook_lib.migrations.words import words

# Methods that add one column: the position of the first argument that belongs to the type, and the usual name.
COLUMNS = words(
    """
    bigInteger binary boolean char date dateTime dateTimeTz decimal double enum float foreignId foreignUlid
    foreignUuid geography geometry geometryCollection integer ipAddress json jsonb lineString longText macAddress
    mediumInteger mediumText multiLineString multiPoint multiPolygon multiPolygonZ point polygon set smallInteger
    string text time timeTz timestamp timestampTz tinyInteger tinyText tsvector ulid unsignedBigInteger
    unsignedDecimal unsignedDouble unsignedFloat unsignedInteger unsignedMediumInteger unsignedSmallInteger
    unsignedTinyInteger uuid vector year rawColumn addColumn computed foreignIdFor
    """
)
USUAL_NAMES = {"ipAddress": "ip_address", "macAddress": "mac_address", "uuid": "uuid", "ulid": "ulid"}
INCREMENTS = {
    "id": "bigInteger", "increments": "integer", "integerIncrements": "integer", "bigIncrements": "bigInteger",
    "mediumIncrements": "mediumInteger", "smallIncrements": "smallInteger", "tinyIncrements": "tinyInteger",
}  # fmt: skip
# Methods that add a pair of columns, and whether they may be NULL.
TIMESTAMPS = {
    "timestamps": "timestamp", "timestampsTz": "timestampTz", "nullableTimestamps": "timestamp",
    "nullableTimestampsTz": "timestampTz", "datetimes": "dateTime",
}  # fmt: skip
MORPHS = {
    "morphs": ("unsignedBigInteger", False), "numericMorphs": ("unsignedBigInteger", False),
    "uuidMorphs": ("uuid", False), "ulidMorphs": ("ulid", False),
    "nullableMorphs": ("unsignedBigInteger", True), "nullableNumericMorphs": ("unsignedBigInteger", True),
    "nullableUuidMorphs": ("uuid", True), "nullableUlidMorphs": ("ulid", True),
}  # fmt: skip
SOFT_DELETES = {"softDeletes", "softDeletesTz", "softDeletesDatetime"}

# Commands on indexes: kind of change, and the ending of the name that Laravel gives.
INDEXES = {
    "index": ("add index", "index"), "fullText": ("add index", "fulltext"), "fulltext": ("add index", "fulltext"),
    "spatialIndex": ("add index", "spatialindex"), "rawIndex": ("add index", "index"),
    "vectorIndex": ("add index", "vectorindex"),
    "unique": ("add unique", "unique"), "primary": ("add primary", "primary"),
}  # fmt: skip
DROPPED_INDEXES = {
    "dropIndex": ("drop index", "index"), "dropSpatialIndex": ("drop index", "spatialindex"),
    "dropVectorIndex": ("drop index", "vectorindex"), "dropFullText": ("drop fulltext", "fulltext"),
    "dropFulltext": ("drop fulltext", "fulltext"),
    "dropUnique": ("drop unique", "unique"), "dropPrimary": ("drop primary", "primary"),
    "dropForeign": ("drop foreign key", "foreign"),
}  # fmt: skip
DROPPED_TIMESTAMPS = {"dropTimestamps", "dropTimestampsTz", "dropDatetimes"}
DROPPED_SOFT_DELETES = {"dropSoftDeletes", "dropSoftDeletesTz", "dropSoftDeletesDatetime"}

# Methods of $table that take away or rename.
COMMANDS = words(
    """
    dropColumn removeColumn dropRememberToken dropMorphs dropConstrainedForeignId dropConstrainedForeignIdFor
    dropForeignIdFor renameColumn renameIndex renameForeign rename drop dropIfExists create foreign rememberToken
    """
)
# Of the table as a whole.
OPTIONS = words(
    """
    engine innoDb charset collation comment temporary autoIncrementStartingValue startingValue from dropComment
    autoIncrementStartingValues lock algorithm
    """
)

# Macros of packages that are much used: the columns that they add all have a default or may be NULL.
# kalnoy/nestedset (NestedSetServiceProvider, NestedSet::columns): _lft and _rgt default 0, parent_id nullable.
MACROS = {"nestedSet": ("_lft", "_rgt", "parent_id")}
# spatie/laravel-schemaless-attributes: json($name)->nullable().
JSON_MACROS = {"schemalessAttributes"}

# Modifiers of a column that change nothing for older code besides what is looked at elsewhere. indexed is none of
# Laravel's: it is often written, and left unheard.
NEUTRAL = words(
    """
    after always autoIncrement change charset collation comment default first from generatedAs index invisible
    nullable persisted primary spatialIndex startingValue storedAs storedAsJson unique unsigned useCurrent
    useCurrentOnUpdate virtualAs virtualAsJson constrained references on onDelete onUpdate cascadeOnDelete
    restrictOnDelete nullOnDelete noActionOnDelete cascadeOnUpdate restrictOnUpdate noActionOnUpdate nullOnUpdate
    deferrable initiallyImmediate initiallyDeferred notValid fulltext fullText algorithm language vectorIndex
    isGeometry indexed srid projection instant lock nullsNotDistinct zerofill total places length precision allowed
    operatorClass online
    """
)
# Modifiers that take the place of the type's own arguments.
OF_TYPE = {"length", "total", "places", "precision", "allowed"}
FOREIGN = {"constrained", "references"}
GENERATED = {"virtualAs", "storedAs", "virtualAsJson", "storedAsJson", "generatedAs", "computed"}
INDEXED = {"index", "unique", "primary", "spatialIndex", "fulltext", "fullText", "vectorIndex"}


def index_name(table: str, columns: tuple[str, ...], ending: str) -> str:
    """The name that Blueprint::createIndexName gives."""
    return f"{table}_{'_'.join(columns)}_{ending}".lower().replace("-", "_").replace(".", "_")
