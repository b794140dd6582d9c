"""The shop's pages."""


def home(products, version):
    rows = "".join(f"<li>{name}: {cents / 100} EUR</li>" for _, name, cents in products)
    return f"<!doctype html><title>Shop</title><h1>Welcome to the shop</h1><ul>{rows}</ul><footer>{version}</footer>\n"


def message(text):
    return f"<!doctype html><title>Shop</title><p>{text}</p>\n"
