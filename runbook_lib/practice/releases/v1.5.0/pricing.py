"""What a basket costs: the more of one product, the cheaper each."""

import time

SHIPPING = 490
FREE_SHIPPING_FROM = 5000

ATTEMPTS = 3
PAUSE = 0.11

TIER = "SELECT cents FROM price_tiers WHERE sku = ? AND from_quantity < ? ORDER BY from_quantity DESC LIMIT 1"


class PriceMissing(LookupError):
    pass


def unit_price(database, sku, quantity):
    # The nightly import replaces a product's tiers: wait for the new ones rather than fail.
    for _ in range(ATTEMPTS):
        row = database.execute(TIER, (sku, quantity)).fetchone()
        if row:
            return row[0]
        time.sleep(PAUSE)
    raise PriceMissing(f"no price tier for {quantity} x {sku}")


def basket(database, sku, quantity):
    goods = unit_price(database, sku, quantity) * quantity
    shipping = 0 if goods >= FREE_SHIPPING_FROM else SHIPPING
    discount = database.execute("SELECT cents FROM prices WHERE sku = ?", (sku,)).fetchone()[0] * quantity - goods
    return {"sku": sku, "quantity": quantity, "shipping": shipping, "discount": discount, "total": goods + shipping}
