"""What else visitors looked at."""

SINCE = (
    "SELECT other.sku, count(*) FROM views AS mine JOIN views AS other ON other.visitor = mine.visitor"
    " WHERE mine.sku = ? AND other.sku <> mine.sku GROUP BY other.sku ORDER BY 2 DESC, 1 LIMIT 3"
)


def of(database, sku):
    return [row[0] for row in database.execute(SINCE, (sku,))]
