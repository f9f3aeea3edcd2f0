"""A CloudFormation engine that is small enough to read and good enough for the CDK CLI.

Read in this order:

* `template`: what a template says; `intrinsics`: what it evaluates to; `parameters`: its parameters and rules;
  `dependencies`: the order of its resources.
* `schemas`: which properties are allowed and which of them replace a resource.
* `stack`: what is deployed; `store`: all stacks and their exports; `evaluation`: a template among them.
* `engine`: how a stack is created, updated and rolled back; `deletion`: how it goes; `changes`: what a deployment
  would change.
* `service`: the operations; `api` and `descriptions`: their HTTP interface; `trail`: what the CLI asks of CloudTrail.

How one resource is created, updated and deleted is in `localaws.resources`.
"""
