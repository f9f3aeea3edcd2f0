"""CloudWatch Logs: keys of log groups, and the resource policy that deliveries of logs fill.

* `encryption`: a log group takes a key only where the key's policy lets CloudWatch Logs use it for that group.
* `delivery`: what a state machine that logs adds to the account's resource policy.
"""

from localaws.logs import encryption
from localaws.logs.delivery import DeliveryError, deliver_to

__all__ = ["DeliveryError", "deliver_to", "install"]


def install() -> None:
    """Replace moto's functions by this room's."""
    encryption.install()
