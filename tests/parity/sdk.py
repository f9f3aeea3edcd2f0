"""The parts of the SageMaker SDK that its requests are made with.

Imported where one is made: it takes 2 s, and every worker imports every module of tests.
"""

from sagemaker.jumpstart.enums import JumpStartModelType
from sagemaker.jumpstart.estimator import JumpStartEstimator
from sagemaker.jumpstart.exceptions import JumpStartHyperparametersError
from sagemaker.jumpstart.model import JumpStartModel
from sagemaker.jumpstart.types import JumpStartHyperparameter, JumpStartModelSpecs
from sagemaker.jumpstart.validators import _validate_hyperparameter as validate_hyperparameter
from sagemaker.session import Session

__all__ = [
    "JumpStartEstimator",
    "JumpStartHyperparameter",
    "JumpStartHyperparametersError",
    "JumpStartModel",
    "JumpStartModelSpecs",
    "JumpStartModelType",
    "Session",
    "validate_hyperparameter",
]
