"""Check training data before an instance is billed: streamed, and every finding has its line.

`check(LocalFolder(path), Options(method="instruction"))` returns a `Report`. It is the same on a laptop and in the
pipeline's first function, which reads an `S3Prefix`.
"""

from training.contract import METHODS
from training.dataset.check import check
from training.dataset.faults import Finding, Findings, Kind, Severity
from training.dataset.options import Options, OptionsError, options_of
from training.dataset.report import DataError, FileRecord, Report
from training.dataset.s3 import S3Prefix
from training.dataset.sources import File, LocalFolder, Source, SourceError
from training.dataset.template import DEFAULT, Template, TemplateError

__all__ = [
    "DEFAULT",
    "METHODS",
    "DataError",
    "File",
    "FileRecord",
    "Finding",
    "Findings",
    "Kind",
    "LocalFolder",
    "Options",
    "OptionsError",
    "Report",
    "S3Prefix",
    "Severity",
    "Source",
    "SourceError",
    "Template",
    "TemplateError",
    "check",
    "options_of",
]
