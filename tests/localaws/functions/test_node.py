"""Functions in Node."""

from __future__ import annotations

from collections.abc import Callable

from tests.localaws.functions.deployed_functions import Invoke, package

NODE = """
exports.handler = async (event, context) => {
  console.log("called", JSON.stringify(event));
  if (event.fail) throw new TypeError("no such luck");
  globalThis.calls = (globalThis.calls || 0) + 1;
  return { calls: globalThis.calls, name: context.functionName, region: process.env.AWS_REGION };
};
exports.localHttps = () => new Promise((resolve, reject) => {
  const options = { hostname: "127.0.0.1", path: "/moto-api/", method: "PUT" };
  require("https").request(options, (response) => resolve(typeof response.statusCode)).on("error", reject).end();
});
exports.callback = (event, context, callback) => callback(null, "called back");
"""


class TestNode:
    def test_runs_warm(self, make_function: Callable[..., str], invoke: Invoke) -> None:
        name = make_function(package(index__js=NODE), Runtime="nodejs22.x")
        assert invoke(name) == {"calls": 1, "name": name, "region": "us-east-1"}
        assert invoke(name)["calls"] == 2
        error = invoke(name, fail=True)
        assert (error["errorType"], error["errorMessage"]) == ("TypeError", "no such luck")

    def test_runs_a_handler_with_a_callback(self, make_function: Callable[..., str], invoke: Invoke) -> None:
        name = make_function(package(index__js=NODE), Runtime="nodejs22.x", Handler="index.callback")
        assert invoke(name) == "called back"

    def test_reaches_the_local_aws_over_https(self, make_function: Callable[..., str], invoke: Invoke) -> None:
        name = make_function(package(index__js=NODE), Runtime="nodejs22.x", Handler="index.localHttps")
        assert invoke(name) == "number"

    def test_reports_code_that_cannot_be_loaded(self, make_function: Callable[..., str], invoke: Invoke) -> None:
        error = invoke(make_function(package(other__js=""), Runtime="nodejs22.x"))
        assert (error["errorType"], error["errorMessage"]) == (
            "Runtime.ImportModuleError",
            "Cannot find module 'index'",
        )
