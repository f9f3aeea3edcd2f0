"""Checks a model's files before Bedrock Custom Model Import gets them, reading headers only.

`folder` and `s3` show a folder's files, `headers` and `shards` read the weights' headers, `layout`, `config`,
`tokenizer`, `index` and `tensors` say what is wrong, and `report` runs them all.
"""
