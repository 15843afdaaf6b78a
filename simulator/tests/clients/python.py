"""Two client libraries from PyPI against the simulator: python.py BASE_URL SECRET_KEY"""

import importlib.util
import json
import pathlib
import sys
import types
import urllib.request

from tosspayments.main import TossPayments

# tosspayments-python-server-sdk 1.0.6 imports names at its top that it does not have, against Toss as against anybody:
# its modules work, its front door does not.
package = types.ModuleType("tosspayments_server_sdk")
package.__path__ = [str(pathlib.Path(importlib.util.find_spec("tosspayments").origin).parents[1] / package.__name__)]
sys.modules[package.__name__] = package
from tosspayments_server_sdk.client import Client  # noqa: E402
from tosspayments_server_sdk.exceptions import APIError, PaymentNotFoundError  # noqa: E402

base, secret_key = sys.argv[1:]


def authenticated(order_id, **means):
    body = json.dumps({"orderId": order_id, "amount": 15000, **means}).encode()
    request = urllib.request.Request(f"{base}/control/authenticate", body, {"content-type": "application/json"})
    return json.load(urllib.request.urlopen(request))["paymentKey"]


def refused(kind, call, said):
    try:
        call()
    except kind as error:
        assert said in str(error), error
    else:
        raise AssertionError(f"not refused with {said}")


client = Client(secret_key=secret_key)
client.config.api_base = base
for method in ["CARD", "TRANSFER"]:
    order_id = f"sdk-{method}"
    key = authenticated(order_id, method=method)
    assert client.payments.confirm(key, order_id, 15000).is_paid()
    assert client.payments.retrieve(key) == client.payments.retrieve_by_order_id(order_id)
    assert client.payments.cancel(key, "변심", 5000).balance_amount == 10000
    assert client.payments.cancel(key, "변심").balance_amount == 0
    refused(APIError, lambda: client.payments.confirm(key, order_id, 15000), "ALREADY_PROCESSED_PAYMENT")
refused(PaymentNotFoundError, lambda: client.payments.retrieve("nobody"), "NOT_FOUND_PAYMENT")

toss = TossPayments(secret_key)
toss._TossPayments__base_url = f"{base}/"
key = authenticated("python-card")
first = toss.confirm(key, "python-card", 15000, "key-1")
assert first["status"] == "DONE" and first == toss.confirm(key, "python-card", 15000, "key-1")
assert toss.get_payment_by_payment_key(key) == toss.get_payment_by_order_id("python-card") == first
assert toss.cancel(key, {"cancelReason": "변심", "cancelAmount": 1000})["status"] == "PARTIAL_CANCELED"
assert isinstance(toss.get_transaction("2026-11-01T00:00:00", "2026-11-02T00:00:00"), list)
print("both client libraries work")
