"""Receipts for customers, by links that only the shop can make: they are signed with APP_KEY."""

import hashlib
import hmac

import settings


def signature(order):
    return hmac.new(settings.get("APP_KEY").encode(), f"receipt {order}".encode(), hashlib.sha256).hexdigest()


def link(order):
    return f"/receipt?order={order}&signature={signature(order)}"


def is_signed(order, given):
    return bool(settings.get("APP_KEY")) and hmac.compare_digest(signature(order), given)
