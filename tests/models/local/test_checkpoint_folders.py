"""Folders that hold no usable checkpoint: each is one clear error, and nothing in them is run or fetched."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from sixgym.models.chat import ModelUnusableError
from sixgym.models.local.model import LocalModel
from tests.models.local.checkpoints import CHAT_TEMPLATE, save_checkpoint, save_tokenizer


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_checkpoint(tmp_path_factory.mktemp("whole"))


@pytest.fixture
def broken(whole: Path, tmp_path: Path) -> Path:
    """A whole checkpoint, to be broken."""
    return Path(shutil.copytree(whole, tmp_path / "broken"))


def no_folder(folder: Path) -> None:
    shutil.rmtree(folder)


def no_config(folder: Path) -> None:
    (folder / "config.json").unlink()


def config_without_json(folder: Path) -> None:
    (folder / "config.json").write_text("{")


def config_of_a_list(folder: Path) -> None:
    (folder / "config.json").write_text("[]")


def changed_config(folder: Path, **entries: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | entries))


def unknown_architecture(folder: Path) -> None:
    changed_config(folder, model_type="abacus")


def no_language_model(folder: Path) -> None:
    changed_config(folder, model_type="vit")


def own_code(folder: Path) -> None:
    changed_config(folder, auto_map={"AutoModelForCausalLM": "evil.Model"})


def fetched_code(folder: Path) -> None:
    changed_config(folder, text_config={"_attn_implementation": "someone/kernel"})


def other_shapes(folder: Path) -> None:
    changed_config(folder, intermediate_size=128)


def more_layers(folder: Path) -> None:
    changed_config(folder, num_hidden_layers=3, layer_types=["full_attention"] * 3)


def pickle_only(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def no_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def torn_weights(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])


def adapter(folder: Path) -> None:
    (folder / "adapter_config.json").write_text("{}")


def no_tokenizer(folder: Path) -> None:
    for path in folder.glob("tokenizer*"):
        path.unlink()


def no_template(folder: Path) -> None:
    (folder / "chat_template.jinja").unlink()


def template_without_system(folder: Path) -> None:
    refusal = "{% if messages[0].role == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
    (folder / "chat_template.jinja").write_text(refusal + CHAT_TEMPLATE)


def template_that_is_no_template(folder: Path) -> None:
    (folder / "chat_template.jinja").write_text("{% for %}")


def larger_tokenizer(folder: Path) -> None:
    save_tokenizer(folder, added=tuple(f"[{number}]" for number in range(9)))


@pytest.mark.parametrize(
    ("breaking", "message"),
    [
        (no_folder, "is no folder"),
        (no_config, "no config.json"),
        (config_without_json, "is no JSON"),
        (config_of_a_list, "is no JSON object"),
        (unknown_architecture, "abacus"),
        (no_language_model, "causal language model"),
        (own_code, "auto_map"),
        (fetched_code, "someone/kernel"),
        (other_shapes, "causal language model"),
        (more_layers, r"lacks \d+ of its tensors"),
        (pickle_only, "pickle"),
        (no_weights, "has no weights"),
        (torn_weights, "causal language model"),
        (adapter, "merge"),
        (no_tokenizer, "tokenizer loses all letters"),
        (no_template, "no chat template"),
        (template_without_system, "no system role"),
        (template_that_is_no_template, "does not render"),
        (larger_tokenizer, "tokenizer has"),
    ],
)
def test_a_folder_that_cannot_be_used_is_one_clear_error(broken: Path, breaking: Any, message: str) -> None:
    breaking(broken)
    with pytest.raises(ModelUnusableError, match=message) as caught:
        LocalModel(broken, device="cpu")
    assert str(broken) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_an_unknown_device_is_a_clear_error(whole: Path) -> None:
    with pytest.raises(ModelUnusableError, match="no device 'abacus'"):
        LocalModel(whole, device="abacus")


def test_a_device_that_is_not_there_is_a_clear_error(whole: Path) -> None:
    with pytest.raises(ModelUnusableError, match="cannot be loaded"):
        LocalModel(whole, device="cuda:7")


def test_without_transformers_the_error_says_what_to_install(
    whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModelUnusableError, match="pip install"):
        LocalModel(whole)


def test_loading_opens_no_connection(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr("socket.socket.connect", refuse)
    monkeypatch.setattr("socket.getaddrinfo", refuse)
    LocalModel(whole, device="cpu").close()
