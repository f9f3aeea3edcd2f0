"""CDK tokens as Python sees them: values that CloudFormation fills in when the stack is deployed."""

# CDK writes a token in a text as `${Token[NAME.1]}`, and in a number as one below -1.8e289, which no limit allows
# (aws-cdk-lib 2.275.0, core/lib/private/encoding.js).
_TEXT = "${Token["
_LARGEST_NUMBER = -1e289


def is_token(value: object) -> bool:
    """Return whether a text holds a token, or a number is one; `Token.is_unresolved` would ask Node.js."""
    if isinstance(value, str):
        return _TEXT in value
    return isinstance(value, int | float) and value < _LARGEST_NUMBER
