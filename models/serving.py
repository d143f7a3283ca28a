"""The command that serves an installed entry by vLLM; whoever supervises starts it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from models.entries import CatalogueEntry, ServingProfile

API_KEY_VARIABLE = "VLLM_API_KEY"
# What vLLM waits for running answers after SIGTERM, in seconds.
_DRAIN = 10
# vLLM puts sockets with names of 37 characters into its temporary folder; Linux allows 107 in all.
_LONGEST_SCRATCH = 68


@dataclass(frozen=True, slots=True)
class ServingTls:
    """Server certificate and key; with `client_ca`, clients must show a certificate of that authority.

    vLLM checks the chain alone, not the name: the authority must have no client but the door.
    """

    certificate: Path
    key: Path
    client_ca: Path | None = None


@dataclass(frozen=True, slots=True)
class ServeCommand:
    """`env` is laid over the caller's own environment; it holds the API key, `argv` does not.

    `folders` must exist before the start. Ready is when GET `ready_path` answers 200 (no key needed).
    SIGTERM ends it with its children; a killed server leaves them behind (2 GB), so start it in a session of
    its own and end the whole process group whenever it is gone.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str]
    ready_path: str
    folders: tuple[Path, ...]


def serving_command(
    entry: CatalogueEntry,
    profile: str,
    *,
    python: Path,
    folder: Path,
    host: str,
    port: int,
    served_name: str | None = None,
    state: Path | None = None,
    tls: ServingTls | None = None,
    api_key: str | None = None,
    log_prompts: bool = False,
) -> ServeCommand:
    """How to serve the entry that lies in `folder` by `profile`, with the engine's `python`.

    `state` is where vLLM keeps its caches (beside the folder, where not given). `log_prompts` writes every
    prompt to the server's log, for tests that show what the model received; it must stay off where there are
    real customers.
    Raises UnknownProfile.
    """
    chosen = entry.profile(profile)
    argv = [str(python), "-s", "-P", "-m", "vllm.entrypoints.openai.api_server"]
    argv += ["--model", str(folder), "--served-model-name", served_name or entry.name]
    argv += ["--host", host, "--port", str(port)]
    argv += _engine_flags(chosen)
    argv += ["--generation-config", "vllm", "--shutdown-timeout", str(_DRAIN)]
    argv += ["--disable-fastapi-docs", "--disable-uvicorn-access-log"]
    argv += ["--enable-log-requests" if log_prompts else "--no-enable-log-requests"]
    if tls:
        argv += _tls_flags(tls)
    caches = (state or folder.parent / f".{folder.name}.cache").absolute()
    env = _environment(chosen, caches, api_key, log_prompts)
    scratch = caches / "tmp"
    if len(str(scratch)) <= _LONGEST_SCRATCH:
        env["TMPDIR"] = str(scratch)
    return ServeCommand(tuple(argv), env, "/health", (scratch,))


def _engine_flags(profile: ServingProfile) -> list[str]:
    flags = ["--dtype", profile.dtype, "--max-model-len", str(profile.max_model_len)]
    flags += ["--max-num-seqs", str(profile.max_num_seqs)]
    if profile.enforce_eager:
        flags.append("--enforce-eager")
    if profile.device == "gpu":
        flags += ["--gpu-memory-utilization", str(profile.gpu_memory_utilization)]
        flags += ["--tensor-parallel-size", str(profile.tensor_parallel_size)]
    return flags


def _tls_flags(tls: ServingTls) -> list[str]:
    flags = ["--ssl-certfile", str(tls.certificate), "--ssl-keyfile", str(tls.key), "--enable-ssl-refresh"]
    if tls.client_ca:
        required = "2"  # ssl.CERT_REQUIRED
        flags += ["--ssl-ca-certs", str(tls.client_ca), "--ssl-cert-reqs", required]
    return flags


def _environment(
    profile: ServingProfile, caches: Path, api_key: str | None, log_prompts: bool
) -> dict[str, str]:
    env = {
        "DO_NOT_TRACK": "1",
        "HF_HOME": str(caches / "hub"),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "TORCHINDUCTOR_CACHE_DIR": str(caches / "inductor"),
        "VLLM_CACHE_ROOT": str(caches / "vllm"),
        "VLLM_CONFIG_ROOT": str(caches / "config"),
        "VLLM_DO_NOT_TRACK": "1",
        "VLLM_NO_USAGE_STATS": "1",
        # The prompt's text is written at DEBUG only.
        "VLLM_LOGGING_LEVEL": "DEBUG" if log_prompts else "INFO",
    }
    if profile.device == "cpu":
        env["VLLM_CPU_KVCACHE_SPACE"] = str(profile.kv_cache_gib)
        if profile.omp_threads_bind:
            env["VLLM_CPU_OMP_THREADS_BIND"] = profile.omp_threads_bind
    if api_key:
        env[API_KEY_VARIABLE] = api_key
    return env
