"""Container of an `AWS::SageMaker::Model`, for a model that the catalogue has resolved."""

from collections.abc import Mapping

from aws_cdk import aws_sagemaker as sagemaker

from catalog import Deployment


def container_definition(
    deployment: Deployment, environment: Mapping[str, str], *, accept_eula: bool
) -> sagemaker.CfnModel.ContainerDefinitionProperty:
    """Return the image, the model data and the environment, in the form that the SageMaker SDK uses.

    A plain tarball is a `ModelDataUrl`; a prefix, or a licence, needs the newer `ModelDataSource`; a model
    package needs neither.

    Args:
        deployment: The resolved model.
        environment: All variables of the container.
        accept_eula: You accept the model's licence, where it has one.
    """
    if deployment.model_package is not None:
        return sagemaker.CfnModel.ContainerDefinitionProperty(
            model_package_name=deployment.model_package, environment=environment or None
        )
    licensed = deployment.eula is not None
    plain_tarball = deployment.compressed and not licensed
    accepted = sagemaker.CfnModel.ModelAccessConfigProperty(accept_eula=accept_eula)
    source = None
    if deployment.model_data is not None and not plain_tarball:
        source = sagemaker.CfnModel.ModelDataSourceProperty(
            s3_data_source=sagemaker.CfnModel.S3DataSourceProperty(
                s3_uri=deployment.model_data,
                s3_data_type="S3Object" if deployment.compressed else "S3Prefix",
                compression_type="Gzip" if deployment.compressed else "None",
                model_access_config=accepted if licensed else None,
            )
        )
    return sagemaker.CfnModel.ContainerDefinitionProperty(
        image=deployment.image,
        environment=environment,
        model_data_url=deployment.model_data if plain_tarball else None,
        model_data_source=source,
    )
