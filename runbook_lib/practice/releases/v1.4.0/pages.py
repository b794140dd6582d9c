"""The shop's pages."""


def home(products, version, also=()):
    rows = "".join(f"<li>{name}: {cents / 100} EUR</li>" for _, name, cents in products)
    more = f"<p>Others looked at {', '.join(also)}.</p>" if also else ""
    return (
        f"<!doctype html><title>Shop</title><h1>Welcome to the shop</h1><ul>{rows}</ul>{more}<footer>{version}</footer>\n"
    )


def message(text):
    return f"<!doctype html><title>Shop</title><p>{text}</p>\n"
