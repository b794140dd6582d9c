"""What a basket costs."""

SHIPPING = 490
FREE_SHIPPING_FROM = 5000


def unit_price(database, sku, quantity):
    return database.execute("SELECT cents FROM prices WHERE sku = ?", (sku,)).fetchone()[0]


def basket(database, sku, quantity):
    unit = unit_price(database, sku, quantity)
    shipping = 0 if unit * quantity >= FREE_SHIPPING_FROM else SHIPPING
    return {"sku": sku, "quantity": quantity, "shipping": shipping, "total": unit * quantity + shipping}
