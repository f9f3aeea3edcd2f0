"""A domain name of your own in front of an API."""

from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_route53 as route53
from aws_cdk import aws_route53_targets as targets
from constructs import Construct
from constructs.values.arns import place_of
from constructs.values.tokens import is_token

from catalog.limits import gateway as limits


class ApiDomain(Construct):
    """A name under which one API answers, over TLS 1.2 or newer.

    Defines: a regional `AWS::ApiGateway::DomainName`; with `serve`, the mapping of its root to an API's stage; and,
    where the zone is in Route 53, an alias record.

    Data flow: `https://<domain name>/` -> API Gateway -> the API's stage, whose name is not in the path.

    Failures: API Gateway refuses a certificate of another region, one that is not issued yet, and one that does not
    cover the name. A name is an account's alone: the second stack that asks for it fails.

    Prerequisites: the certificate in ACM; the public hosted zone, where there is to be a record.

    Usage::

        domain = ApiDomain(self, "Domain", domain_name="mistral.models.example.com", certificate_arn="arn:aws:acm:...")
        api = InvokeApi(self, "Api", domain=domain, ...)
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        domain_name: str,
        certificate_arn: str,
        hosted_zone_id: str | None = None,
    ) -> None:
        """Define the domain name.

        Args:
            domain_name: Such as `mistral.models.example.com`.
            certificate_arn: ACM's certificate for it, in the stack's region.
            hosted_zone_id: Route 53's zone for an alias record; no record by default.

        Raises:
            ValueError: If anything above is out of range; the message lists every problem.
        """
        super().__init__(scope, construct_id)
        problems = _problems(self, domain_name, certificate_arn, hosted_zone_id)
        if problems:
            raise ValueError("\n".join(problems))
        self.domain_name = domain_name
        self._domain = apigateway.DomainName(
            self,
            "Resource",
            domain_name=domain_name,
            certificate=acm.Certificate.from_certificate_arn(self, "Certificate", certificate_arn),
            endpoint_type=apigateway.EndpointType.REGIONAL,
            # The API's own policy decides the handshake; the guide has both alike.
            security_policy=apigateway.SecurityPolicy.TLS13_1_2_PFS_PQ_2025_09,
            endpoint_access_mode=apigateway.EndpointAccessMode.BASIC,
        )
        if hosted_zone_id is not None:
            route53.ARecord(
                self,
                "Record",
                # The record has the whole name, so that the zone's own name does not matter.
                zone=route53.HostedZone.from_hosted_zone_attributes(
                    self, "Zone", hosted_zone_id=hosted_zone_id, zone_name=domain_name
                ),
                record_name=f"{domain_name}.",
                target=route53.RecordTarget.from_alias(targets.ApiGatewayDomain(self._domain)),
            )

    @property
    def url(self) -> str:
        """URL of the API, ending in a slash."""
        return f"https://{self.domain_name}/"

    @property
    def regional_domain_name(self) -> str:
        """Target of a CNAME or alias record."""
        return self._domain.domain_name_alias_domain_name

    def serve(self, api: apigateway.RestApi) -> None:
        """Map the root of the name to an API's stage."""
        self._domain.add_base_path_mapping(api, stage=api.deployment_stage)


def _problems(scope: Construct, domain_name: str, certificate_arn: str, hosted_zone_id: str | None) -> list[str]:
    place = place_of(scope)
    found = []
    if not is_token(domain_name):
        found += [str(breach) for breach in limits.domain_name(domain_name)]
    if not is_token(certificate_arn) and not is_token(place.region):
        account = None if is_token(place.account) else place.account
        found += [str(breach) for breach in limits.certificate(certificate_arn, region=place.region, account=account)]
    if hosted_zone_id is not None and not is_token(hosted_zone_id):
        found += [str(breach) for breach in limits.hosted_zone_id(hosted_zone_id)]
    return found
