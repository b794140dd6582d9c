"""What was bought."""

# A practice shop under steady traffic must not fill the disk.
KEPT = 5000
PRUNE_EVERY = 100

INSERT = (
    "INSERT INTO orders (sku, quantity, total, created_at)"
    " VALUES (:sku, :quantity, :total, strftime('%Y-%m-%d %H:%M:%S', 'now'))"
)


def place(database, basket):
    """Store an order; its number."""
    with database:
        number = database.execute(INSERT, basket).lastrowid
        if number % PRUNE_EVERY == 0:
            database.execute("DELETE FROM orders WHERE id <= ?", (number - KEPT,))
    return number
