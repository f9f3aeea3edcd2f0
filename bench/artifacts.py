"""Measure time and memory of the check of a large model's files: `python -m bench.artifacts`.

Two models are written as sparse files, with real headers and weights that take no space: a Llama of 70 billion
parameters, and a mixture of 128 experts with 18,000 tensors. Both have a tokenizer as large as Llama 3's.
`./jumpstack artifacts check` runs on each in a process of its own, once on the folder and once over HTTP on a
stand-in for S3, which lists the folder, answers ranges, and waits before every answer as S3 does.

A function of 256 MB has a seventh of a processor (AWS Lambda documentation: one at 1,769 MB), so CPU seconds are
printed as well. Files that somebody made to be large in memory follow: each is refused.
"""

from __future__ import annotations

import json
import os
import re
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple
from xml.sax.saxutils import escape

_MEMORY_LIMIT_MIB = 256
# S3's documentation on performance: first bytes of small objects come within 100 to 200 ms, in practice sooner.
_LATENCY_SECONDS = 0.1
_SHARD_BYTES = 5_000_000_000
_VOCABULARY = 128_256
_MERGES = 280_147
"""Llama 3's."""

_HOSTILE_BYTES = 60_000_000
_HOSTILE = {
    "tokenizer of {}": ("tokenizer.json", b'{"model":{"vocab":[', b"{},", b"1]}}"),
    "tokenizer of texts": ("tokenizer.json", b'{"model":{"vocab":[', b'"\xc4\xa0a",', b"1]}}"),
    "tokenizer of ids": ("tokenizer.json", b'{"model":{"vocab":{', b'"ab":123456,', b'"a":1}}}'),
    "template of 60 MB": ("chat_template.jinja", b"", b"x", b""),
}
"""Files that are refused, by what they are: their name, their beginning, what they repeat, and their end."""

Shapes = dict[str, tuple[int, ...]]


class Cost(NamedTuple):
    """The measurement of one check.

    Attributes:
        wall: Wall time in seconds.
        processor: CPU time in seconds.
        mebibytes: Largest resident set in MiB.
        answer: The last line of output.
        code: The exit code.
    """

    wall: float
    processor: float
    mebibytes: float
    answer: str
    code: int


def main() -> int:
    """Print the table.

    Returns:
        0, or 1 if a check fails or takes more memory than the function has.
    """
    print(f"{'':<26}{'GB':>6}{'shards':>8}{'tensors':>9}{'from':>8}{'s':>7}{'cpu s':>7}{'MiB':>6}")
    failures: list[str] = []
    for name, (config, shapes) in {"llama 70B": _llama(), "128 experts": _experts()}.items():
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            # In a process of its own: a forked child starts with its parent's memory.
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
                shards = pool.submit(_lay_out, folder, config, shapes).result()
            size = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
            for place, cost in (("disk", _measure(str(folder), {})), ("s3", _from_s3(folder))):
                row = f"{name:<26}{size / 1e9:>6.0f}{shards:>8}{len(shapes):>9}{place:>8}"
                print(f"{row}{cost.wall:>7.2f}{cost.processor:>7.2f}{cost.mebibytes:>6.0f}")
                if cost.code or cost.mebibytes > _MEMORY_LIMIT_MIB:
                    failures.append(f"{name} from {place}: {cost.mebibytes:.0f} MiB, {cost.answer}")
    for name, (file, start, element, end) in _HOSTILE.items():
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            with (folder / file).open("wb") as hostile:
                hostile.write(start)
                # In pieces: a child's peak begins with its parent's memory.
                for _ in range(60):
                    hostile.write(element * (_HOSTILE_BYTES // 60 // len(element)))
                hostile.write(end)
            for place, cost in (("disk", _measure(str(folder), {})), ("s3", _from_s3(folder))):
                row = f"{name:<26}{_HOSTILE_BYTES / 1e9:>6.2f}{'':>8}{'':>9}{place:>8}"
                print(f"{row}{cost.wall:>7.2f}{cost.processor:>7.2f}{cost.mebibytes:>6.0f}")
                if cost.mebibytes > _MEMORY_LIMIT_MIB:
                    failures.append(f"{name} from {place}: {cost.mebibytes:.0f} MiB, {cost.answer}")
    print("\n".join(failures), end="\n" if failures else "")
    return int(bool(failures))


def _llama() -> tuple[dict[str, Any], Shapes]:
    config = _config("LlamaForCausalLM", "llama", layers=80, hidden=8192)
    config.update(num_attention_heads=64, num_key_value_heads=8, intermediate_size=28672)
    mlp: Shapes = {"mlp.gate_proj": (28672, 8192), "mlp.up_proj": (28672, 8192), "mlp.down_proj": (8192, 28672)}
    return config, _decoder(config, mlp)


def _experts() -> tuple[dict[str, Any], Shapes]:
    config = _config("Qwen3MoeForCausalLM", "qwen3_moe", layers=48, hidden=2048)
    config.update(num_experts=128, moe_intermediate_size=768)
    config.update(num_attention_heads=16, num_key_value_heads=8, head_dim=128)
    layer: Shapes = {"mlp.gate": (128, 2048), "self_attn.q_norm": (128,), "self_attn.k_norm": (128,)}
    for expert in range(128):
        for name, shape in (("gate", (768, 2048)), ("up", (768, 2048)), ("down", (2048, 768))):
            layer[f"mlp.experts.{expert}.{name}_proj"] = shape
    return config, _decoder(config, layer)


def _config(architecture: str, model_type: str, *, layers: int, hidden: int) -> dict[str, Any]:
    return {
        "architectures": [architecture],
        "model_type": model_type,
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "vocab_size": _VOCABULARY,
        "max_position_embeddings": 8192,
        "tie_word_embeddings": False,
        "torch_dtype": "bfloat16",
        "transformers_version": "4.51.3",
    }


def _decoder(config: dict[str, Any], layer: Shapes) -> Shapes:
    hidden = config["hidden_size"]
    attention = {f"self_attn.{each}_proj": (hidden if each in "qo" else 1024, hidden) for each in "qkvo"}
    norms = {"input_layernorm": (hidden,), "post_attention_layernorm": (hidden,)}
    shapes: Shapes = {"model.embed_tokens.weight": (_VOCABULARY, hidden)}
    for number in range(config["num_hidden_layers"]):
        for name, shape in {**attention, **norms, **layer}.items():
            shapes[f"model.layers.{number}.{name}.weight"] = shape
    return {**shapes, "model.norm.weight": (hidden,), "lm_head.weight": (_VOCABULARY, hidden)}


def _lay_out(folder: Path, config: dict[str, Any], shapes: Shapes) -> int:
    """Write a model; return its number of shards."""
    shards: list[dict[str, tuple[tuple[int, ...], int]]] = [{}]
    filled = 0
    for name, shape in shapes.items():
        size = 2
        for dimension in shape:
            size *= dimension
        if filled and filled + size > _SHARD_BYTES:
            shards.append({})
            filled = 0
        shards[-1][name] = (shape, size)
        filled += size
    weight_map: dict[str, str] = {}
    for number, tensors in enumerate(shards, 1):
        file = f"model-{number:05d}-of-{len(shards):05d}.safetensors"
        weight_map |= dict.fromkeys(tensors, file)
        _write_sparse(folder / file, tensors)
    total = sum(size for tensors in shards for _, size in tensors.values())
    documents = {
        "config.json": config,
        "model.safetensors.index.json": {"metadata": {"total_size": total}, "weight_map": weight_map},
        "tokenizer_config.json": {"tokenizer_class": "PreTrainedTokenizerFast", "chat_template": "{{ messages }}"},
        "tokenizer.json": _tokenizer(),
    }
    for name, document in documents.items():
        # With spaces, as the libraries write them.
        (folder / name).write_text(json.dumps(document, indent=2, ensure_ascii=False), encoding="utf-8")
    return len(shards)


def _write_sparse(path: Path, tensors: dict[str, tuple[tuple[int, ...], int]]) -> None:
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, (shape, size) in tensors.items():
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [end, end + size]}
        end += size
    encoded = json.dumps(header, separators=(",", ":")).encode()
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(encoded)) + encoded)
        file.truncate(8 + len(encoded) + end)


def _tokenizer() -> dict[str, Any]:
    # Byte-level tokens begin with a letter beyond Latin-1, which doubles the memory of the text.
    vocabulary = {f"\u0120{number:05x}": number for number in range(_VOCABULARY)}
    merges = [[f"\u0120{number:05x}", "en"] for number in range(_MERGES)]
    return {"version": "1.0", "added_tokens": [], "model": {"type": "BPE", "vocab": vocabulary, "merges": merges}}


def _measure(place: str, environment: dict[str, str]) -> Cost:
    command = [sys.executable, "-m", "tools.cli", "artifacts", "check", place, "--region", "us-west-2"]
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=output, stderr=output)  # noqa: S603 - fixed words
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        lines = output.read().splitlines()
    # Linux counts in KiB, macOS in bytes.
    unit = 2**20 if sys.platform == "darwin" else 2**10
    processor = usage.ru_utime + usage.ru_stime
    return Cost(wall, processor, usage.ru_maxrss / unit, lines[-1] if lines else "", process.returncode)


def _from_s3(folder: Path) -> Cost:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(folder))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        environment = {
            "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{server.server_port}",
            "AWS_ACCESS_KEY_ID": "bench",
            "AWS_SECRET_ACCESS_KEY": "bench",
            "AWS_DEFAULT_REGION": "us-west-2",
        }
        return _measure("s3://bench-weights/model/", environment)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(folder: Path) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """A stand-in for S3: ListObjectsV2 of the one prefix, and GetObject of a range."""

        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            time.sleep(_LATENCY_SECONDS)
            if "list-type=2" in self.path:
                body = "".join(_listing(folder)).encode()
                self._answer(200, body)
                return
            path = folder / self.path.partition("?")[0].rpartition("/")[2]
            bounds = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
            if bounds is None:
                self._answer(400, b"")
                return
            first, last = int(bounds[1]), int(bounds[2])
            with path.open("rb") as file:
                file.seek(first)
                self._answer(206, file.read(last - first + 1))

        def log_message(self, *_: object) -> None:
            """Log nothing."""

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler


def _listing(folder: Path) -> Iterator[str]:
    yield '<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
    for path in sorted(folder.iterdir()):
        yield f"<Contents><Key>model/{escape(path.name)}</Key><Size>{path.stat().st_size}</Size>"
        yield '<ETag>"0"</ETag></Contents>'
    yield "<IsTruncated>false</IsTruncated></ListBucketResult>"


if __name__ == "__main__":
    sys.exit(main())
