from pathlib import Path
from typing import Any

import pytest

from models import Catalogue, ServeCommand, ServingTls, UnknownProfile, serving_command

NAME = "smollm2-135m-instruct-w8a8"


def _command(catalogue: Catalogue, profile: str = "cpu", **options: Any) -> ServeCommand:
    place: dict[str, Any] = {
        "python": Path("/e/bin/python"),
        "folder": Path("/m/smollm2"),
        "state": Path("/s"),
    }
    return serving_command(catalogue.get(NAME), profile, host="127.0.0.1", port=8001, **{**place, **options})


def _value(command: ServeCommand, flag: str) -> str:
    return command.argv[command.argv.index(flag) + 1]


def test_the_module_is_started_because_the_program_of_that_name_fails(catalogue: Catalogue) -> None:
    command = _command(catalogue)
    assert command.argv[0] == "/e/bin/python"
    assert _value(command, "-m") == "vllm.entrypoints.openai.api_server"
    assert _value(command, "--model") == "/m/smollm2"
    assert _value(command, "--served-model-name") == NAME
    assert _value(command, "--host") == "127.0.0.1"


def test_a_processor_gets_its_cache_and_no_gpu_flags(catalogue: Catalogue) -> None:
    command = _command(catalogue)
    assert command.env["VLLM_CPU_KVCACHE_SPACE"] == "1"
    assert "--enforce-eager" in command.argv
    assert "--gpu-memory-utilization" not in command.argv


def test_a_gpu_gets_its_share_and_no_processor_settings(catalogue: Catalogue) -> None:
    command = _command(catalogue, "gpu")
    assert _value(command, "--gpu-memory-utilization") == "0.3"
    assert "--enforce-eager" not in command.argv
    assert not [name for name in command.env if name.startswith("VLLM_CPU")]


def test_the_key_is_not_on_the_command_line(catalogue: Catalogue) -> None:
    command = _command(catalogue, api_key="very-secret")
    assert command.env["VLLM_API_KEY"] == "very-secret"
    assert not [argument for argument in command.argv if "very-secret" in argument]
    assert "VLLM_API_KEY" not in _command(catalogue).env


def test_nothing_is_reported_and_nothing_fetched(catalogue: Catalogue) -> None:
    env = _command(catalogue).env
    silenced = (
        "VLLM_NO_USAGE_STATS",
        "VLLM_DO_NOT_TRACK",
        "DO_NOT_TRACK",
        "HF_HUB_OFFLINE",
        "TRANSFORMERS_OFFLINE",
    )
    assert [env[name] for name in silenced] == ["1"] * len(silenced)


def test_prompts_are_logged_only_when_asked_for(catalogue: Catalogue) -> None:
    quiet, loud = _command(catalogue), _command(catalogue, log_prompts=True)
    assert "--no-enable-log-requests" in quiet.argv
    assert quiet.env["VLLM_LOGGING_LEVEL"] == "INFO"
    assert "--enable-log-requests" in loud.argv
    assert loud.env["VLLM_LOGGING_LEVEL"] == "DEBUG"


def test_an_authority_for_clients_makes_their_certificates_required(catalogue: Catalogue) -> None:
    pair = ServingTls(Path("/t/cert"), Path("/t/key"))
    assert "--ssl-cert-reqs" not in _command(catalogue, tls=pair).argv
    mutual = _command(catalogue, tls=ServingTls(Path("/t/cert"), Path("/t/key"), Path("/t/ca")))
    assert _value(mutual, "--ssl-ca-certs") == "/t/ca"
    assert _value(mutual, "--ssl-cert-reqs") == "2"
    assert "--ssl-certfile" not in _command(catalogue).argv


def test_what_the_server_writes_stays_in_its_state_folder(catalogue: Catalogue) -> None:
    command = _command(catalogue)
    homes = ("HF_HOME", "TMPDIR", "TORCHINDUCTOR_CACHE_DIR", "VLLM_CACHE_ROOT", "VLLM_CONFIG_ROOT")
    assert all(Path(command.env[name]).is_relative_to("/s") for name in homes)
    assert Path(command.env["TMPDIR"]) in command.folders


def test_a_path_too_long_for_sockets_is_not_made_the_temporary_folder(catalogue: Catalogue) -> None:
    assert "TMPDIR" not in _command(catalogue, state=Path("/" + "s" * 90)).env


def test_an_unknown_profile_is_refused(catalogue: Catalogue) -> None:
    with pytest.raises(UnknownProfile):
        _command(catalogue, "tpu")
