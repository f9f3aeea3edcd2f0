"""Check a model's files before Bedrock Custom Model Import gets them, reading headers only.

`folder` and `s3` list and read files, `headers` and `shards` read the weights' headers, `layout`, `config`, `rope`,
`precision`, `tokenizer`, `tokenizer_fields`, `templates`, `index` and `tensors` check them, and `report` runs all
checks. `architectures` computes the tensors that a configuration implies, `loading` reads names as transformers does,
`comparison` compares both.
"""
