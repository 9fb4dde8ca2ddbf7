"""Probes of onnxruntime's Python API: calls whose outcomes are the same for `modelden.onnxruntime` and onnxruntime.

Pushed into the page as it is, so it imports nothing but the standard library and the contract beside it. An outcome is
plain data: a value, or the class and the text of an error.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from functools import partial
from typing import Any

VALUES: dict[str, list[Any]] = {
    "bool": [True, False],
    "float16": [0.5, -2.0],
    "float32": [0.5, -2.0],
    "float64": [0.5, -1e300],
    "int8": [-128, 127],
    "int16": [-32768, 32767],
    "int32": [-(2**31), 2**31 - 1],
    "int64": [-(2**63), 2**63 - 1],
    "uint8": [0, 255],
    "uint16": [0, 65535],
    "uint32": [0, 2**32 - 1],
    "uint64": [0, 2**64 - 1],
    "string": ["a", "Züge"],
}

ELEMENT_TYPES = dict(
    zip(
        "float32 uint8 int8 uint16 int16 int32 int64 string bool float16 float64 uint32 uint64".split(),  # noqa: SIM905  as onnxruntime's documentation lists them
        range(1, 14),
        strict=True,
    )
)

SESSION_OPTIONS: dict[str, tuple[Any, Any]] = {
    "enable_cpu_mem_arena": (False, "x"),
    "enable_mem_pattern": (False, "x"),
    "enable_mem_reuse": (False, "x"),
    "enable_profiling": (False, "x"),
    "inter_op_num_threads": (2, "x"),
    "intra_op_num_threads": (2, 1.5),
    "log_severity_level": (3, "x"),
    "log_verbosity_level": (1, "x"),
    "logid": ("me", 5),
    "optimized_model_filepath": ("a.onnx", 5),
    "profile_file_prefix": ("p", 5),
    "use_deterministic_compute": (True, "x"),
    "use_per_session_threads": (False, "x"),
}
"""A value and one of another type by option."""

RUN_OPTIONS: dict[str, tuple[Any, Any]] = {
    "log_severity_level": (3, "x"),
    "log_verbosity_level": (1, "x"),
    "logid": ("me", 5),
    "only_execute_path_to_fetches": (True, "x"),
    "terminate": (True, "x"),
}

ENUMS = (
    *("ExecutionMode", "ExecutionOrder", "GraphOptimizationLevel", "OrtAllocatorType", "OrtDeviceMemoryType"),
    *("OrtDeviceVendorId", "OrtExecutionProviderDevicePolicy", "OrtHardwareDeviceType", "OrtMemType"),
    *("OrtMemoryInfoDeviceType", "OrtSparseFormat"),
)

EXCEPTIONS = (
    *("DeviceReset", "EPFail", "EngineError", "Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf"),
    *("ModelLoadCanceled", "ModelLoaded", "ModelRequiresCompilation", "NoModel", "NoSuchFile", "NotFound"),
    *("NotImplemented", "RuntimeException"),
)


class Probes:
    """Probes by name, on one subject (``tests/contracts/onnxruntime_api.py``)."""

    def __init__(self, subject: Any) -> None:
        self.subject = subject
        self.ort = subject.ort
        self.calls: dict[str, Callable[[], Any]] = {}
        self._sessions: dict[str, Any] = {}
        for add in (self.module, self.options, self.dtypes, self.opening, self.runs, self.values, self.bindings):
            add()

    def session(self, model: str) -> Any:
        """Open a model once."""
        if model not in self._sessions:
            self._sessions[model] = self.subject.session(model)
        return self._sessions[model]

    def array(self, values: list[Any], dtype: str = "float32", shape: tuple[int, ...] | None = None) -> Any:
        """Make an array."""
        return self.subject.array(dtype, shape or (len(values),), values)

    def row(self, *values: float) -> Any:
        """Make an array of one row, which the model ``add`` takes."""
        return self.array(list(values), shape=(1, len(values)))

    def add(self, a: Any, b: Any = None) -> dict[str, Any]:
        """Make a feed of the model ``add``."""
        return {"a": a, "b": self.row(1, 1) if b is None else b}

    def value(self, array: Any) -> Any:
        """Make an `OrtValue`."""
        return self.ort.OrtValue.ortvalue_from_numpy(array)

    def module(self) -> None:
        """Probe names, enumerations, exceptions and functions."""
        ort = self.ort
        state = ort.capi.onnxruntime_pybind11_state
        for name in ENUMS:
            self.calls[f"module.{name}"] = partial(_members, getattr(ort, name))
        for name in EXCEPTIONS:
            self.calls[f"capi.{name}"] = partial(_exception, getattr(state, name))
        level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
        self.calls |= {
            "module.enum text": lambda: [str(level), repr(level), level.name, level.value, int(level), level == 99],
            "module.enum hash": lambda: {level: 1}[ort.GraphOptimizationLevel(99)],
            "module.get_device": ort.get_device,
            "module.cpu provider": lambda: "CPUExecutionProvider" in ort.get_available_providers(),
            "module.all providers": lambda: set(ort.get_available_providers()) <= set(ort.get_all_providers()),
            "module.version": lambda: [ort.__version__ == ort.version, ort.get_version_string() == ort.__version__],
            "module.build info": lambda: ort.get_build_info().startswith("ORT Build Info: "),
            "module.has_collective_ops": ort.has_collective_ops,
            "module.package_name": lambda: [ort.package_name, ort.cuda_version],
            "module.get_ep_devices": lambda: isinstance(ort.get_ep_devices(), list),
            "module.severity": lambda: ort.set_default_logger_severity(2),
            "module.severity of a text": lambda: ort.set_default_logger_severity("x"),
            "module.verbosity": lambda: ort.set_default_logger_verbosity(0),
            "module.seed": lambda: ort.set_seed(3),
            "module.seed of a text": lambda: ort.set_seed("x"),
            "module.telemetry": lambda: [ort.enable_telemetry_events(), ort.disable_telemetry_events()],
            "module.capi": lambda: ort.capi._pybind_state.Fail is state.Fail,
            "module.collection": lambda: (
                ort.capi.onnxruntime_inference_collection.InferenceSession is ort.InferenceSession
            ),
            "module.unknown": lambda: ort.InferenceSessions,
            "module.providers enum": lambda: ort.capi.onnxruntime_pybind11_state.SessionOptions is ort.SessionOptions,
            "device.make": lambda: [_device(ort.OrtDevice.make(name, 1)) for name in ("cpu", "cuda", "gpu", "npu")],
            "device.make of others": lambda: [
                _device(ort.OrtDevice.make(name, 0)) for name in ("webgpu", "dml", "cann")
            ],
            "device.vendor": lambda: _device(ort.OrtDevice.make("gpu", 0, ort.OrtDeviceVendorId.AMD)),
            "device.unknown": lambda: ort.OrtDevice.make("tpu", 0),
            "memory.info": lambda: _memory(
                ort.OrtMemoryInfo("Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT)
            ),
            "memory.info of a text": lambda: ort.OrtMemoryInfo("Cpu", "arena", 0, ort.OrtMemType.DEFAULT),
        }

    def options(self) -> None:
        """Probe the options of sessions and runs."""
        ort = self.ort
        for kind, table in ((ort.SessionOptions, SESSION_OPTIONS), (ort.RunOptions, RUN_OPTIONS)):
            for name, (value, wrong) in table.items():
                label = f"{kind.__name__}.{name}"
                self.calls[label] = partial(_get, kind, name)
                self.calls[f"{label} set"] = partial(_set_and_get, kind, name, value)
                self.calls[f"{label} of another type"] = partial(_set_and_get, kind, name, wrong)
        levels, modes = ort.GraphOptimizationLevel, ort.ExecutionMode
        self.calls |= {
            "SessionOptions.level": lambda: int(ort.SessionOptions().graph_optimization_level),
            "SessionOptions.mode": lambda: int(ort.SessionOptions().execution_mode),
            "SessionOptions.order": lambda: int(ort.SessionOptions().execution_order),
            "SessionOptions.level set": lambda: int(
                _set_and_get(ort.SessionOptions, "graph_optimization_level", levels.ORT_ENABLE_BASIC)
            ),
            "SessionOptions.mode set": lambda: int(
                _set_and_get(ort.SessionOptions, "execution_mode", modes.ORT_PARALLEL)
            ),
            "SessionOptions.level of a number": lambda: _set_and_get(ort.SessionOptions, "graph_optimization_level", 1),
            "SessionOptions.unknown": lambda: ort.SessionOptions().graph_optimisation_level,
            "SessionOptions.unknown set": lambda: _set_and_get(ort.SessionOptions, "threads", 1),
            "SessionOptions.argument": lambda: ort.SessionOptions(1),
            "RunOptions.unknown set": lambda: _set_and_get(ort.RunOptions, "timeout", 1),
            "SessionOptions.entry": lambda: _entries(ort.SessionOptions(), "session", [("a.b", "1"), ("a.b", "2")]),
            "SessionOptions.entry missing": lambda: ort.SessionOptions().get_session_config_entry("nothing"),
            "SessionOptions.entry empty": lambda: ort.SessionOptions().add_session_config_entry("", "x"),
            "SessionOptions.entry long": lambda: ort.SessionOptions().add_session_config_entry("a" * 1025, "x"),
            "SessionOptions.entry of a number": lambda: ort.SessionOptions().add_session_config_entry("a", 1),
            "RunOptions.entry": lambda: _entries(ort.RunOptions(), "run", [("a.b", "1")]),
            "RunOptions.entry missing": lambda: ort.RunOptions().get_run_config_entry("nothing"),
            "SessionOptions.override": lambda: ort.SessionOptions().add_free_dimension_override_by_name("batch", 1),
            "SessionOptions.override of a text": lambda: ort.SessionOptions().add_free_dimension_override_by_name(
                "batch", "1"
            ),
            "SessionOptions.denotation": lambda: ort.SessionOptions().add_free_dimension_override_by_denotation("B", 1),
            "SessionOptions.has_providers": lambda: ort.SessionOptions().has_providers(),
            "SessionOptions.add_provider": lambda: _with_provider(ort.SessionOptions(), "CPUExecutionProvider"),
            "SessionOptions.add_provider unknown": lambda: _with_provider(ort.SessionOptions(), "FooProvider"),
            "SessionOptions.files": lambda: ort.SessionOptions().add_external_initializers_from_files_in_memory(
                ["a"], [b"abc"], [3]
            ),
            "SessionOptions.files of texts": lambda: (
                ort.SessionOptions().add_external_initializers_from_files_in_memory(["a"], ["abc"], [3])
            ),
        }

    def dtypes(self) -> None:
        """Probe each data type."""
        for dtype, values in VALUES.items():
            self.calls |= {
                f"run.{dtype}": partial(self._identity, dtype, dtype, values),
                f"run.{dtype} of a list": partial(self._identity, dtype, None, values),
                f"run.{dtype} of nested lists": partial(self._identity, dtype, None, [values, values]),
                f"run.{dtype} of no items": partial(self._identity, dtype, None, []),
                f"run.{dtype} of another type": partial(
                    self._identity, dtype, "int8" if dtype != "int8" else "uint8", [1, 0]
                ),
                f"run.{dtype} of a list that does not fit": partial(self._identity, dtype, None, [[1], [1, 2]]),
            }
            if dtype != "string":
                self.calls |= {
                    f"OrtValue.{dtype}": partial(self._value_facts, dtype, values),
                    f"OrtValue.{dtype} of a shape": partial(self._value_of_shape, ELEMENT_TYPES[dtype]),
                    f"OrtValue.{dtype} by name": partial(self._value_of_shape, dtype),
                }

    def _identity(self, dtype: str, given: str | None, values: list[Any]) -> Any:
        feed = {name: self.array(each, name) for name, each in VALUES.items()}
        feed[dtype] = values if given is None else self.array(values, given)
        (y,) = self.session("identities").run([f"{dtype}-out"], feed)
        return _facts(y)

    def _value_facts(self, dtype: str, values: list[Any]) -> Any:
        value = self.value(self.array(values, dtype))
        names = ("data_type", "shape", "device_name", "element_type", "is_tensor", "tensor_size_in_bytes")
        return [getattr(value, name)() for name in names] + [value.numpy().tolist()]

    def _value_of_shape(self, element_type: Any) -> Any:
        value = self.ort.OrtValue.ortvalue_from_shape_and_type([2, 3], element_type)
        return [value.data_type(), value.shape(), value.element_type()]

    def opening(self) -> None:
        """Probe the constructor and the description of a model."""
        ort, models = self.ort, self.subject.models
        made = ort.InferenceSession
        add = models["add"]
        for name in ("add", "unknown-dimensions", "scalar", "overridable", "sequence-out", "classifier", "optional-in"):
            self.calls[f"session.inputs of {name}"] = partial(self._nodes, name, "get_inputs")
            self.calls[f"session.outputs of {name}"] = partial(self._nodes, name, "get_outputs")
        for name in ("add", "unknown-dimensions"):
            self.calls[f"session.meta of {name}"] = partial(self._meta, name)
        for name, data in {
            "nothing": b"",
            "no model": b"<html>",
            "half a model": add[: len(add) // 2],
            "no graph": b"\x08\x09",
            "unknown operator": models["unknown-operator"],
            "unknown domain": models["unknown-domain"],
            "missing input": models["missing-input"],
            "wrong type": models["wrong-type"],
            "external data": models["external"],
        }.items():
            self.calls[f"session.{name}"] = partial(made, data, providers=["CPUExecutionProvider"])
        self.calls |= {
            "session.missing file": lambda: made("/no/such/file.onnx"),
            "session.number": lambda: made(5),
            "session.none": lambda: made(None),
            "session.bytearray": lambda: made(bytearray(add)),
            "session.keywords": lambda: made(
                path_or_bytes=add,
                sess_options=ort.SessionOptions(),
                providers=["CPUExecutionProvider"],
                provider_options=[{}],
                enable_fallback=0,
                disabled_optimizers=["ConstantFolding"],
            ).get_providers(),
            "session.providers": lambda: self.session("add").get_providers(),
            "session.providers in pairs": lambda: made(add, providers=[("CPUExecutionProvider", {})]).get_providers(),
            "session.provider options": lambda: self.session("add").get_provider_options(),
            "session.options": lambda: isinstance(self.session("add").get_session_options(), ort.SessionOptions),
            "session.options of another type": lambda: made(add, {"a": 1}),
            "session.overridable": partial(self._nodes, "overridable", "get_overridable_initializers"),
            "session.no overridable": partial(self._nodes, "add", "get_overridable_initializers"),
            "session.override": lambda: self._overridden("batch", 3),
            "session.override of another name": lambda: self._overridden("nothing", 3),
            "session.node text": lambda: str(self.session("add").get_inputs()[0]),
            "session.set_providers": lambda: self._set_providers(["CPUExecutionProvider"]),
            "session.set_providers unknown": lambda: self._set_providers(["FooExecutionProvider"]),
            "session.fallback": lambda: [
                self.session("add").disable_fallback(),
                self.session("add").enable_fallback(),
            ],
            "session.profiling off": lambda: [
                self.session("add").end_profiling(),
                self.session("add").get_profiling_start_time_ns(),
            ],
            "session.unknown method": lambda: self.session("add").predict,
        }

    def _nodes(self, model: str, method: str) -> Any:
        return [[each.name, each.type, list(each.shape)] for each in getattr(self.session(model), method)()]

    def _meta(self, model: str) -> Any:
        meta = self.session(model).get_modelmeta()
        names = ("producer_name", "graph_name", "domain", "description", "graph_description", "version")
        return [getattr(meta, name) for name in names] + [meta.custom_metadata_map]

    def _overridden(self, name: str, length: int) -> Any:
        options = self.ort.SessionOptions()
        options.add_free_dimension_override_by_name(name, length)
        session = self.ort.InferenceSession(self.subject.models["add"], options, providers=["CPUExecutionProvider"])
        return [list(each.shape) for each in (*session.get_inputs(), *session.get_outputs())]

    def _set_providers(self, providers: list[str]) -> Any:
        session = self.subject.session("add")
        session.set_providers(providers)
        return [session.get_providers(), _facts(session.run(["sum"], self.add(self.row(1, 2)))[0])]

    def runs(self) -> None:
        """Probe runs, good and bad ones."""
        good = self.row(1, 2)
        run = partial(self._run, "add")
        for name, names in {
            "all": None,
            "no names": [],
            "one": ["sum"],
            "turned": ["difference", "sum"],
            "twice": ["sum", "sum"],
            "tuple": ("sum",),
            "text": "sum",
            "unknown": ["nothing"],
            "numbers": [1],
        }.items():
            self.calls[f"run.outputs {name}"] = partial(run, names, self.add(good))
        for name, value in {
            "list": [[1, 2]],
            "list of arrays": [self.array([1, 2])],
            "list of texts": [["a", "b"]],
            "tuple": (1, 2),
            "number": 1.0,
            "integer": 1,
            "text": "x",
            "bytes": b"abc",
            "object": object(),
            "flat": self.array([1, 2]),
            "wide": self.row(1, 2, 3),
            "tall": self.array([1, 2, 3, 4], shape=(2, 2)),
            "double": self.array([1, 2], "float64", (1, 2)),
            "integers": self.array([1, 2], "int64", (1, 2)),
            "texts": self.array(["a", "b"], "string", (1, 2)),
            "every second": self.subject.every_second(self.array([1, 2, 3, 4], shape=(2, 2))),
        }.items():
            self.calls[f"run.input {name}"] = partial(run, ["sum"], {"a": value, "b": good})
        one, other = self.array([1, 2]), self.array([3])
        for name, value in {
            "two": [one, other],
            "one": [other],
            "none": [],
            "tables": [self.row(1, 2, 3), self.row(4)],
            "no numbers": [self.array([]), one],
            "tuple": (one,),
            "array": one,
            "number": 5,
            "text": "x",
            "numbers": [1, 2],
            "none in it": [None],
            "doubles": [self.array([1], "float64")],
            "texts": [self.array(["a"], "string")],
            "mixed": [one, self.array([1], "int64")],
            "lists": [[1, 2]],
        }.items():
            self.calls[f"run.sequence of {name}"] = partial(self._sequence, "sequence-in", value)
            self.calls[f"run.optional sequence of {name}"] = partial(self._sequence, "optional-sequence-in", value)
        self.calls |= {
            "run.missing": partial(run, None, {"a": good}),
            "run.missing all": partial(run, None, {}),
            "run.too many": partial(run, None, {**self.add(good), "c": good}),
            "run.feed is a list": partial(run, None, [good, good]),
            "run.feed is none": partial(run, None, None),
            "run.no feed": lambda: self.session("add").run(None),
            "run.options": lambda: self._run("add", ["sum"], self.add(good), self.ort.RunOptions()),
            "run.options of another type": lambda: self._run("add", ["sum"], self.add(good), "fast"),
            "run.terminated": lambda: self._run("add", None, self.add(good), self._terminated()),
            "run.unknown dimensions": lambda: self._run("unknown-dimensions", None, {"x": self.row(1, 2)}),
            "run.unknown dimensions, rank": lambda: self._run("unknown-dimensions", None, {"x": self.array([1, 2])}),
            "run.optional": lambda: self._run("optional-in", None, {"x": self.array([1, 2])}),
            "run.fails in an operator": lambda: self._run(
                "reshape", None, {"x": self.array([1, 2, 3]), "shape": self.array([2, 2], "int64")}
            ),
            "run.bad index": lambda: self._run(
                "gather", None, {"x": self.array([1, 2, 3]), "index": self.array([9], "int64")}
            ),
            "run.nan": lambda: [
                math.isnan(x) for x in self._run("identity", None, {"x": self.array([math.nan, 1])})[0][2]
            ],
            "run.values": lambda: self._run("add", ["sum"], self.add(self.value(good), self.value(good))),
            "run.a value and an array": lambda: self._run("add", ["sum"], self.add(self.value(good), good)),
            "run.classifier": lambda: _plain(self.session("classifier").run(None, {"x": self.row(1, 2)})),
            "run.numbered classifier": lambda: _plain(self.session("numbered").run(None, {"x": self.row(1, 2)})),
            "run.sequence": lambda: _plain(self.session("sequence-out").run(None, {"x": self.array([1, 2])})),
            "run.split": lambda: _plain(self.session("split-out").run(None, {"x": self.row(1, 2)})),
            "run.split texts": lambda: _plain(
                self.session("texts-split").run(None, {"x": self.array(["a", "", "c"], "string")})
            ),
            "run.split nothing": lambda: _plain(self.session("split-out").run(None, {"x": self.array([])})),
            "run.optional output": lambda: _plain(self.session("optional-out").run(None, {"x": self.row(1, 2)})),
            "run.absent optional": lambda: self._run("optional-has", None, {"x": None}),
            "run.absent, then present": lambda: [
                self._run("optional-has", None, feed) for feed in ({"x": None}, {"x": self.array([1])}, {})
            ],
            "run.absent optional of a tensor": lambda: self._run("optional-in", None, {"x": None}),
            "run_async.missing": lambda: self.session("add").run_async(None, {"a": good}, print, None),
            "run_async.no callback": lambda: self.session("add").run_async(None, self.add(good)),
        }

    def _run(self, model: str, names: Any, feed: Any, options: Any = None) -> Any:
        return [_facts(y) for y in self.session(model).run(names, feed, options)]

    def _sequence(self, model: str, value: Any) -> Any:
        return _plain(self.session(model).run(None, {"x": value}))

    def _terminated(self) -> Any:
        options = self.ort.RunOptions()
        options.terminate = True
        return options

    def values(self) -> None:
        """Probe `OrtValue`."""
        made = self.ort.OrtValue
        good = self.row(1, 2)
        self.calls |= {
            "OrtValue.text": lambda: made.ortvalue_from_numpy("x"),
            "OrtValue.list": lambda: made.ortvalue_from_numpy([1, 2]),
            "OrtValue.texts": lambda: made.ortvalue_from_numpy(self.array(["a"], "string")),
            "OrtValue.on cuda": lambda: made.ortvalue_from_numpy(good, "cuda", 0),
            "OrtValue.on webgpu": lambda: made.ortvalue_from_numpy(good, "webgpu", 0),
            "OrtValue.on nothing": lambda: made.ortvalue_from_numpy(good, "tpu", 0),
            "OrtValue.empty": lambda: self._value_facts("float32", []),
            "OrtValue.negative shape": lambda: made.ortvalue_from_shape_and_type([2, -3], 1),
            "OrtValue.unknown type": lambda: made.ortvalue_from_shape_and_type([2], 99),
            "OrtValue.has_value": lambda: [self.value(good).has_value(), self.value(good).is_sparse_tensor()],
            "OrtValue.is_tensor_sequence": lambda: self.value(good).is_tensor_sequence(),
            "OrtValue.dlpack device": lambda: self.value(good).__dlpack_device__(),
            "OrtValue.address": lambda: self.value(good).data_ptr() > 0,
            "OrtValue.every second": lambda: (
                self.value(self.subject.every_second(self.array([1, 2, 3, 4]))).numpy().tolist()
            ),
            "OrtValue.update": lambda: self._updated(self.row(3, 4)),
            "OrtValue.update by a value": lambda: self._updated(self.value(self.row(3, 4))),
            "OrtValue.update of another size": lambda: self._updated(self.row(3, 4, 5)),
            "OrtValue.update by a list": lambda: self._updated([3, 4]),
            "OrtValue.constructor": lambda: made(5),
            "run_with_ort_values": lambda: [
                each.numpy().tolist()
                for each in self.session("add").run_with_ort_values(None, self.add(self.value(good), self.value(good)))
            ],
            "run_with_ort_values types": lambda: [
                [each.data_type(), each.shape(), each.is_tensor()]
                for each in self.session("add").run_with_ort_values(
                    ["sum"], self.add(self.value(good), self.value(good))
                )
            ],
            "run_with_ort_values.missing": lambda: self.session("add").run_with_ort_values(
                None, {"a": self.value(good)}
            ),
            "run_with_ort_values.unknown": lambda: self.session("add").run_with_ort_values(
                ["nothing"], self.add(self.value(good), self.value(good))
            ),
            "create_ortvalue_from_shape_and_type": lambda: (
                self.session("add").create_ortvalue_from_shape_and_type([2], 1, "cpu").shape()
            ),
        }

    def _updated(self, data: Any) -> Any:
        value = self.ort.OrtValue.ortvalue_from_shape_and_type([1, 2], 1)
        value.update_inplace(data)
        return value.numpy().tolist()

    def bindings(self) -> None:
        """Probe `IOBinding`."""
        good = self.row(1, 2)
        self.calls |= {
            "IOBinding": lambda: self._bound(lambda each: each.bind_output("sum")),
            "IOBinding.both": lambda: self._bound(
                lambda each: [each.bind_output("difference"), each.bind_output("sum", "cpu", 0)]
            ),
            "IOBinding.value": lambda: self._bound(
                lambda each: [each.bind_ortvalue_input("a", self.value(good)), each.bind_output("sum")]
            ),
            "IOBinding.list": lambda: self._bound(lambda each: each.bind_cpu_input("a", [[1, 2]])),
            "IOBinding.no outputs": lambda: self._bound(type),
            "IOBinding.no inputs": lambda: self._unbound("sum"),
            "IOBinding.unknown input": lambda: self._bound(lambda each: each.bind_cpu_input("nothing", good)),
            "IOBinding.unknown output": lambda: self._bound(lambda each: each.bind_output("nothing")),
            "IOBinding.unknown device": lambda: self._bound(lambda each: each.bind_output("sum", "tpu")),
            "IOBinding.no type": lambda: self._bound(
                lambda each: each.bind_output("sum", "cpu", 0, None, None, self.value(good).data_ptr())
            ),
            "IOBinding.cleared": lambda: self._bound(
                lambda each: [each.bind_output("sum"), each.clear_binding_outputs(), each.bind_output("difference")]
            ),
            "IOBinding.synchronize": lambda: self._bound(
                lambda each: [each.bind_output("sum"), each.synchronize_inputs(), each.synchronize_outputs()]
            ),
            "IOBinding.wrong type": lambda: self._bound(
                lambda each: [
                    each.bind_cpu_input("a", self.array([1, 2], "int64", (1, 2))),
                    each.bind_output("sum"),
                ]
            ),
            "IOBinding.no results yet": lambda: self.session("add").io_binding().copy_outputs_to_cpu(),
            "IOBinding.of another session": lambda: self.session("add").run_with_iobinding(
                self.session("identity").io_binding()
            ),
            "IOBinding.into a value": lambda: self._bound_into([1, 2]),
            "IOBinding.address": self._bound_address,
            "IOBinding.outputs": self._bound_outputs,
        }

    def _binding(self) -> Any:
        binding = self.session("add").io_binding()
        for name in "ab":
            binding.bind_cpu_input(name, self.row(1, 2))
        return binding

    def _bound(self, bind: Callable[[Any], Any]) -> Any:
        binding = self._binding()
        bind(binding)
        self.session("add").run_with_iobinding(binding)
        return [_facts(each) for each in binding.copy_outputs_to_cpu()]

    def _unbound(self, name: str) -> Any:
        binding = self.session("add").io_binding()
        binding.bind_output(name)
        self.session("add").run_with_iobinding(binding)

    def _bound_into(self, shape: list[int]) -> Any:
        target = self.ort.OrtValue.ortvalue_from_shape_and_type(shape, 1)
        binding = self._binding()
        binding.bind_ortvalue_output("sum", target)
        self.session("add").run_with_iobinding(binding)
        return target.numpy().tolist()

    def _bound_address(self) -> Any:
        source, target = (self.ort.OrtValue.ortvalue_from_shape_and_type([1, 2], 1) for _ in range(2))
        source.update_inplace(self.row(5, 6))
        binding = self._binding()
        binding.bind_input("a", "cpu", 0, self.subject.float32, [1, 2], source.data_ptr())
        binding.bind_output("sum", "cpu", 0, self.subject.float32, [1, 2], target.data_ptr())
        self.session("add").run_with_iobinding(binding)
        return target.numpy().tolist()

    def _bound_outputs(self) -> Any:
        binding = self._binding()
        binding.bind_output("sum")
        self.session("add").run_with_iobinding(binding, self.ort.RunOptions())
        return [[each.data_type(), each.shape(), each.device_name()] for each in binding.get_outputs()]


DIFFERENCES = {
    "run.string of a list that does not fit": "a list of lists of texts is no tensor; onnxruntime takes their repr",
    "session.external data": "the text names the missing file, which onnxruntime looks for in its working directory",
    "session.bytearray": "any buffer of bytes is a model",
    "run.feed is a list": "an InputError, where onnxruntime fails with the AttributeError of a missing keys()",
    "run.feed is none": "the same",
    "run.sequence of tuple": "the same error in words of its own",
    "run.optional sequence of tuple": "the same",
    "run.sequence of lists": "a list is taken for a tensor of a sequence, too",
    "run.optional sequence of lists": "the same",
    "run_async.no callback": "the callback can be left out, because the run can be awaited",
    "OrtValue.constructor": "a value is made of a modelden.Tensor, not of a native one",
    "IOBinding.unknown output": "the text has no space before the name, as in a run",
}
"""Probes with other outcomes, and the reason."""


PAGE_DIFFERENCES = {
    "session.unknown operator": "onnxruntime-web tells only a number for an exception of its graph's check",
    "session.unknown domain": "the same",
}
"""Probes with other outcomes in a page alone, and the reason."""


def outcomes(subject: Any) -> dict[str, Any]:
    """Return the outcome of each probe."""
    return {name: outcome(call) for name, call in Probes(subject).calls.items()}


def outcome(call: Callable[[], Any]) -> Any:
    """Return the value of a call, or the names of the classes of its error, and its text."""
    try:
        value = call()
    except Exception as error:  # noqa: BLE001  any error is an outcome
        classes = [each.__name__ for each in type(error).__mro__]
        return {"classes": classes[: classes.index("Exception") + 1], "text": _text(str(error))}
    if asyncio.isfuture(value):
        value.cancel()
        return "a future"
    return value if _is_plain(value) else type(value).__name__


def same(theirs: Any, ours: Any) -> bool:
    """Compare two outcomes: an error of ours is of onnxruntime's class too, and begins with its text."""
    if not (isinstance(theirs, dict) and isinstance(ours, dict) and {"classes", "text"} == set(theirs) == set(ours)):
        return bool(theirs == ours)
    return theirs["classes"][0] in ours["classes"] and ours["text"].startswith(theirs["text"])


def _text(text: str) -> str:
    """The text of an error, without the signatures of pybind11 and the places in onnxruntime's sources."""
    native = ("incompatible", "object has no attribute", "has no attribute", "/onnxruntime_src/", "positional argument")
    return "" if any(each in text for each in native) else text


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(_is_plain(each) for each in value)
    if isinstance(value, dict):
        return all(_is_plain(each) for each in [*value, *value.values()])
    return value is None or isinstance(value, str | int | float)


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    return _facts(value) if hasattr(value, "tolist") and hasattr(value, "shape") else value


def _facts(array: Any) -> list[Any]:
    return [str(array.dtype).replace("object", "string"), list(array.shape), array.tolist()]


def _members(kind: Any) -> dict[str, int]:
    return {name: int(value) for name, value in kind.__members__.items()}


def _exception(kind: Any) -> list[Any]:
    return [kind.__name__, issubclass(kind, Exception), str(kind("text"))]


def _device(device: Any) -> list[int]:
    names = ("device_type", "device_id", "device_vendor_id", "device_mem_type")
    return [int(getattr(device, name)()) for name in names]


def _memory(info: Any) -> list[Any]:
    numbers = ("device_id", "device_vendor_id", "mem_type", "allocator_type", "device_mem_type")
    return [info.name, *(int(getattr(info, name)) for name in numbers)]


def _get(kind: Any, name: str) -> Any:
    return getattr(kind(), name)


def _set_and_get(kind: Any, name: str, value: Any) -> Any:
    options = kind()
    setattr(options, name, value)
    return getattr(options, name)


def _entries(options: Any, kind: str, entries: list[tuple[str, str]]) -> str:
    for key, value in entries:
        getattr(options, f"add_{kind}_config_entry")(key, value)
    entry: str = getattr(options, f"get_{kind}_config_entry")(entries[-1][0])
    return entry


def _with_provider(options: Any, name: str) -> bool:
    options.add_provider(name, {})
    return bool(options.has_providers())
