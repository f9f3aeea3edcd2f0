"""OpenAI's Responses API as a stateless translation: a request becomes a chat, the chat's answer a response."""
