"""Ask a deployed model one question with OpenAI's client."""

import openai

from tools.aws import apis_url
from tools.deployed import DeclaredStack, output
from tools.invoke import caller_key, openai_client
from tools.retired import retired


def ask(
    client: openai.OpenAI,
    *,
    model: str,
    prompt: str,
    chat: bool,
    max_tokens: int,
    temperature: float | openai.Omit = openai.omit,
) -> str:
    """Send one prompt and return the answer's text.

    Args:
        client: A client of the model's API.
        model: The model's name.
        prompt: What the user says, or the text to complete.
        chat: Whether the model chats; a base model completes text.
        max_tokens: Most tokens to generate.
        temperature: The temperature; left out, the model's default.

    Raises:
        openai.OpenAIError: If the API answers with an error, or not at all.
    """
    if chat:
        answer = client.chat.completions.create(
            model=model,
            messages=[{"role": "user", "content": prompt}],
            max_tokens=max_tokens,
            temperature=temperature,
        )
        return answer.choices[0].message.content or ""
    completion = client.completions.create(model=model, prompt=prompt, max_tokens=max_tokens, temperature=temperature)
    return completion.choices[0].text


def ask_deployed(stack: DeclaredStack, prompt: str, *, max_tokens: int) -> str:
    """Ask a deployed stack's model as its callers do: with the key of this shell, or with signed requests.

    Args:
        stack: The stack, deployed.
        prompt: The user's message, or the text to complete.
        max_tokens: Most tokens to generate.

    Raises:
        tools.deployed.NotDeployedError: If the stack does not exist.
        tools.invoke.CallerError: If there is no key, or there are no credentials.
        openai.OpenAIError: If the API answers with an error, or not at all.
    """
    client = openai_client(
        output(stack, "InvokeUrl"),
        api_key=caller_key(stack.path) if stack.takes_keys else None,
        region=stack.region,
        endpoint_url=apis_url(),
    )
    return ask(client, model=stack.model.name, prompt=prompt, chat=stack.chats, max_tokens=max_tokens)


if __name__ == "__main__":
    raise SystemExit(retired("tools.chat"))
