"""Payment by card, at a provider outside. Without PAYMENT_URL nothing is charged."""

import http.client
import json
from urllib.parse import urlsplit

import settings

URL = settings.get("PAYMENT_URL")
TIMEOUT = 2.0


class PaymentFailed(Exception):
    pass


def charge(cents):
    """The provider's number of the charge."""
    place = urlsplit(URL)
    connection = http.client.HTTPConnection(place.netloc, timeout=TIMEOUT)
    headers = {"Authorization": f"Bearer {settings.get('PAYMENT_KEY')}"}
    try:
        connection.request("POST", f"{place.path}/charge", json.dumps({"amount": cents}), headers)
        answer = connection.getresponse()
        body = answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise PaymentFailed(f"the payment provider cannot be reached: {error}") from None
    finally:
        connection.close()
    if answer.status != 200:
        raise PaymentFailed(f"the payment provider answers {answer.status}: {body[:100].decode('utf-8', 'replace')}")
    return json.loads(body)["charge"]
