"""Ask a deployed model: `python -m tools.chat dev/mistral-7b-instruct "Why is the sky blue?"`.

Works with AWS, and with a local AWS when `AWS_ENDPOINT_URL` names one. Where callers have keys, yours is read from
`JUMPSTACK_API_KEY`, or asked for.
"""

import argparse
import os
import sys

import openai
from botocore.exceptions import BotoCoreError, ClientError

from tools.deployed import declared_stack, outputs
from tools.invoke import caller_key, openai_client


def ask(client: openai.OpenAI, *, model: str, prompt: str, chat: bool, max_tokens: int) -> str:
    """Send one prompt and return the answer's text.

    Args:
        client: A client of the model's API.
        model: The model's name.
        prompt: What the user says, or the text to complete.
        chat: Whether the model chats; a base model completes text.
        max_tokens: Most tokens to generate.

    Raises:
        openai.OpenAIError: If the API answers with an error, or not at all.
    """
    if chat:
        answer = client.chat.completions.create(
            model=model, messages=[{"role": "user", "content": prompt}], max_tokens=max_tokens
        )
        return answer.choices[0].message.content or ""
    completion = client.completions.create(model=model, prompt=prompt, max_tokens=max_tokens)
    return completion.choices[0].text


def main(arguments: list[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: The command line's, by default.

    Returns:
        0, or 1 when there was no answer.
    """
    parser = argparse.ArgumentParser(prog="python -m tools.chat", description="ask a deployed model")
    parser.add_argument("stack", help="a declared stack, such as dev/mistral-7b-instruct")
    parser.add_argument("prompt", help="what to ask, or for a base model the text to complete")
    parser.add_argument("--max-tokens", type=int, default=256, help="most tokens to generate (default: 256)")
    options = parser.parse_args(arguments)
    try:
        stack = declared_stack(options.stack)
        client = openai_client(
            outputs(stack)["InvokeUrl"],
            api_key=caller_key(stack.path) if stack.takes_keys else None,
            region=stack.region,
            endpoint_url=os.environ.get("AWS_ENDPOINT_URL"),
        )
        answer = ask(
            client,
            model=stack.model.name,
            prompt=options.prompt,
            chat=stack.chats,
            max_tokens=options.max_tokens,
        )
    except (ValueError, RuntimeError, BotoCoreError, ClientError, openai.OpenAIError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(answer)
    return 0


if __name__ == "__main__":
    sys.exit(main())
