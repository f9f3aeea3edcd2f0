"""A local AWS for the real CDK CLI: one process on the loopback interface, without Docker or an account.

moto supplies the back ends of the services. This package supplies what moto lacks or gets wrong for this
project: CloudFormation (`localaws.cloudformation`) with handlers for the resource types that are deployed
here (`localaws.resources`), and the run time: Lambda functions as processes, API Gateway requests, IAM
enforcement, SageMaker endpoints with stand-in model containers.

Start it with `python -m localaws --port 5000`.
"""
