"""The shop's pages."""

from html import escape


def home(products, version, also=()):
    rows = "".join(f"<li>{escape(name)}: {cents / 100:.2f} EUR</li>" for _, name, cents in products)
    more = f"<p>Others looked at {escape(', '.join(also))}.</p>" if also else ""
    return (
        f"<!doctype html><title>Shop</title><h1>Welcome to the shop</h1><ul>{rows}</ul>{more}<footer>{version}</footer>\n"
    )


def message(text):
    return f"<!doctype html><title>Shop</title><p>{escape(text)}</p>\n"
