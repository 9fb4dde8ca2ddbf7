"""The arguments and options that each task has, checked before a worker gets them. Pure.

transformers.js takes a number, a mapping or nothing for the empty text, and drops options that it does not know.
Source: ``_call`` of each pipeline in ``src/pipelines.js`` of transformers.js 3.8.1, and in ``src/pipelines/`` of 4.3.2;
for Firefox's tasks ``ONNXPipeline.mjs``. Names of positional arguments may be keywords, as in Python's transformers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from modelden.core.arguments import is_unicode, show
from modelden.engine.model_selection import has_files
from modelden.errors import InputError

type Check = Callable[[str, Any], Any]
"""Returns an argument for the worker; called with its description and the caller's value."""


def _media(_: str, value: Any) -> Any:
    """Pass on what `inputs` converts, and checks."""
    return value


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise InputError(f"{name} is a text, not {show(value)}.")
    if not is_unicode(value):
        raise InputError(f"{name} has half a character (a lone surrogate), which no model can read: {show(value)}.")
    return value


def _full_text(name: str, value: Any) -> str:
    if not _text(name, value):
        raise InputError(f"{name} is empty: there is nothing to run.")
    return str(value)


def _texts(name: str, value: Any, check: Check = _text) -> Any:
    """Check a text or a list of texts."""
    if isinstance(value, str):
        return check(name, value)
    return _list(f"{name} or a list of them", value, lambda _, item: check(name, item))


def _full_texts(name: str, value: Any) -> Any:
    return _texts(name, value, _full_text)


def _list(name: str, value: Any, check: Check) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise InputError(f"{name} is needed, not {show(value)}.")
    if not value:
        raise InputError(f"{name}: this is an empty list, so there is nothing to run.")
    return [check(name, item) for item in value]


def _labels(name: str, value: Any) -> list[Any]:
    return _list(name, [value] if isinstance(value, str) else value, lambda _, item: _full_text("a label", item))


def _text_list(name: str, value: Any) -> list[Any]:
    return _list(name, [value] if isinstance(value, str) else value, _text)


def _prompts(name: str, value: Any) -> Any:
    """Check a text, a chat (a list of messages), or a list of either."""
    if not isinstance(value, list | tuple) or all(isinstance(item, str) for item in value):
        return _texts(name, value)
    if all(isinstance(item, Mapping) for item in value):
        return [_message(item) for item in value]
    return _list("a list of chats", value, lambda _, chat: _list("a chat", chat, lambda _, item: _message(item)))


def _message(value: Any) -> Any:
    if not isinstance(value, Mapping) or "role" not in value:
        raise InputError(f"a chat is a list of messages, dicts with role and content, not {show(value)}.")
    for member in ("role", "content"):
        if isinstance(value.get(member), str):
            _text(f"the {member} of a message", value[member])
    return value


_TEXTS = (("texts", _texts),)
_IMAGES = (("images", _media),)
_SOUNDS = (("audio", _media),)
_LABELS = ("candidate_labels", _labels)

_PARAMETERS: Mapping[str, tuple[tuple[str, Check], ...]] = {
    "audio-classification": _SOUNDS,
    "automatic-speech-recognition": _SOUNDS,
    "document-question-answering": (("image", _media), ("question", _full_text)),
    "moz-image-to-text": _IMAGES,
    "moz-text-to-goal": (("texts", _text_list), ("tasks", _text_list), ("domains", _text_list)),
    "question-answering": (("question", _full_texts), ("context", _full_texts)),
    "text-generation": (("texts", _prompts),),
    "zero-shot-audio-classification": (*_SOUNDS, _LABELS),
    "zero-shot-classification": (("texts", _full_texts), _LABELS),
    "zero-shot-image-classification": (*_IMAGES, _LABELS),
    "zero-shot-object-detection": (*_IMAGES, _LABELS),
    **dict.fromkeys(
        (
            *("background-removal", "depth-estimation", "image-classification", "image-feature-extraction"),
            *("image-segmentation", "image-to-image", "image-to-text", "object-detection"),
        ),
        _IMAGES,
    ),
    **dict.fromkeys(
        (
            *("feature-extraction", "fill-mask", "summarization", "text-classification", "text-to-audio"),
            *("static-embeddings", "text-to-speech", "text2text-generation", "token-classification", "translation"),
        ),
        _TEXTS,
    ),
}
"""The positional arguments of each task."""

_OPTIONAL = ("tasks", "domains")


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_GENERATION = _names("""
    bad_words_ids begin_suppress_tokens bos_token_id constraints decoder_input_ids decoder_start_token_id
    diversity_penalty do_sample early_stopping encoder_no_repeat_ngram_size encoder_repetition_penalty eos_token_id
    epsilon_cutoff eta_cutoff exponential_decay_length_penalty force_words_ids forced_bos_token_id
    forced_decoder_ids forced_eos_token_id generation_config generation_kwargs guidance_scale length_penalty
    max_length max_new_tokens max_time min_length min_new_tokens no_repeat_ngram_size num_beam_groups num_beams
    num_return_sequences output_attentions output_hidden_states output_scores pad_token_id penalty_alpha
    remove_invalid_values renormalize_logits repetition_penalty return_dict_in_generate suppress_tokens temperature
    top_k top_p typical_p use_cache
""")
"""Options of ``generate`` (``GenerationConfig``)."""

_SEGMENTATION = _names("threshold mask_threshold overlap_mask_area_threshold label_ids_to_fuse target_sizes subtask")
_WHISPER = _names("""
    return_timestamps chunk_length_s stride_length_s force_full_sequences language task num_frames prompt_ids
    return_token_timestamps is_multilingual
""")
_CHAT_4 = _names("tools documents chat_template tokenizer_encode_kwargs")
_SPEECH_4 = _names("num_inference_steps speed")

_SINCE_4 = {
    "token-classification": _names("aggregation_strategy"),
    "text-generation": _CHAT_4,
    "text-to-audio": _SPEECH_4,
    "text-to-speech": _SPEECH_4,
}
"""Options that only transformers.js 4 has, which comes with runtime 6."""

_OPTIONS: Mapping[str, frozenset[str]] = {
    "audio-classification": _names("top_k"),
    "automatic-speech-recognition": _GENERATION | _WHISPER,
    "background-removal": _SEGMENTATION,
    "depth-estimation": frozenset(),
    "document-question-answering": _GENERATION,
    "feature-extraction": _names("pooling normalize quantize precision"),
    "fill-mask": _names("top_k"),
    "image-classification": _names("top_k"),
    "image-feature-extraction": _names("pool"),
    "image-segmentation": _SEGMENTATION,
    "image-to-image": frozenset(),
    "image-to-text": _GENERATION,
    "moz-image-to-text": frozenset(),
    "moz-text-to-goal": frozenset(),
    "object-detection": _names("threshold percentage"),
    "question-answering": _names("top_k"),
    "static-embeddings": _names("pooling normalize"),
    "summarization": _GENERATION,
    "text-classification": _names("top_k"),
    "text-generation": _GENERATION | _CHAT_4 | _names("add_special_tokens return_full_text"),
    "text-to-audio": _SPEECH_4 | _names("speaker_embeddings"),
    "text-to-speech": _SPEECH_4 | _names("speaker_embeddings"),
    "text2text-generation": _GENERATION,
    "token-classification": _names("ignore_labels aggregation_strategy"),
    "translation": _GENERATION | _names("src_lang tgt_lang"),
    "zero-shot-audio-classification": _names("hypothesis_template"),
    "zero-shot-classification": _names("hypothesis_template multi_label"),
    "zero-shot-image-classification": _names("hypothesis_template"),
    "zero-shot-object-detection": _names("threshold top_k percentage"),
}
"""The options of each task, but for those of streaming."""


def check_call(
    task: str, model: str, version: str | None, args: Sequence[Any], options: Mapping[str, Any]
) -> tuple[list[Any], dict[str, Any]]:
    """Return the arguments and options of a run for its worker.

    Args:
        task: The engine's task.
        model: Its model.
        version: The version of transformers.js; None if it is not known.
        args: The positional arguments; the last one may be a mapping of options, as in JavaScript.
        options: The options without those of streaming.

    Raises:
        InputError: For arguments that the task does not take, and for options that it does not have.
    """
    if task not in _PARAMETERS or not has_files(task, model):  # Firefox's echoes take everything
        return list(args), dict(options)
    parameters = _PARAMETERS[task]
    given, options = list(args), dict(options)
    if len(given) == len(parameters) + 1 and isinstance(given[-1], Mapping):
        options = {**given.pop(), **options}
    if len(given) > len(parameters):
        names = ", ".join(name for name, _ in parameters)
        raise InputError(f"{task} takes {len(parameters)} arguments ({names}), not {len(given)}.")
    for name, _ in parameters[len(given) :]:
        if name in options:
            given.append(options.pop(name))
        elif name not in _OPTIONAL:
            raise InputError(f"{task} needs the argument {name}, which is missing.")
    for option in options:
        _check_option(task, option, version)
    checked = [check(f"{name} of {task}", value) for (name, check), value in zip(parameters, given, strict=False)]
    return checked, options


def _check_option(task: str, name: Any, version: str | None) -> None:
    known = _OPTIONS[task]
    if name in known and (version is None or int(version.partition(".")[0]) >= 4 or name not in _SINCE_4.get(task, ())):
        return
    if name in known:
        raise InputError(f"{task} has the option {name!r} with runtime 6 only, not with transformers.js {version}.")
    import difflib  # slow to import, and only for this message

    near = difflib.get_close_matches(str(name), known, n=1, cutoff=0.5)
    options = f"It has {', '.join(sorted(known))}." if known else "It has none."
    raise InputError(f"{task} has no option {show(name)}. {f'Did you mean {near[0]}?' if near else options}")
