"""Functions of Bedrock Custom Model Import: the artifact check, the steps of the import, and the custom resource.

`contract` lists the four handlers: `check.handler`, `steps.handler`, `lifecycle.on_event` and `lifecycle.is_complete`.
The same check runs on a laptop as `./jumpstack artifacts check`. The package imports the standard library and
boto3 alone.
"""
