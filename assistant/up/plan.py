"""The plan of `cloister up`: which real parts are started, in which order, and what must be done before."""

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from assistant.appliance import (
    Backoff,
    Child,
    HttpProbe,
    Item,
    OnProgress,
    PostgresCluster,
    Step,
    StepFailed,
    install_programs,
)
from assistant.migrations import bootstrap, upgrade
from assistant.migrations.bootstrap import OWNER, PROCESS_ROLES
from gateway import Database, DatabaseSettings, Role, has_admin, read_secret, remove_password
from models import (
    CatalogueEntry,
    Progress,
    ServeCommand,
    engine_python,
    install_engine,
    install_entry,
    is_engine_current,
    is_entry_current,
    load_catalogue,
    serving_command,
)
from retrieval import (
    check_map_at,
    create_crm_roles,
    import_folder,
    let_follow,
    load_map,
    read_logins,
    seed_demo_company,
    shipped_map,
)

from .accounts import (
    SignIn,
    demo_sign_ins,
    ensure_sign_ins,
    imported_sign_ins,
    offered,
    one_of,
    run_now,
)
from .files import (
    APPLIANCE_DATABASE,
    CHAT_MODEL,
    CRM_DATABASE,
    CRM_READER,
    EMBEDDING_MODEL,
    LIKENESS_MODEL,
    Demo,
    Layout,
    ServedModel,
)

_PROFILE: Final = "cpu"
_ANSWER_TOKENS: Final = 256
_DATABASES_ROOM: Final = 1_000_000_000


@dataclass(frozen=True)
class UpOptions:
    """What the person who types `cloister up` may choose."""

    demo: bool
    with_model: bool
    crm_map: Path | None = None
    crm_folder: Path | None = None
    log_prompts: bool = False


class Plan:
    """Puts the parts together for one state folder."""

    def __init__(self, layout: Layout, options: UpOptions) -> None:
        self._layout = layout
        self._options = options
        self._state = layout.state
        self._map = options.crm_map or shipped_map("demo")
        catalogue = load_catalogue()
        self._chat, self._embedding = catalogue.get(CHAT_MODEL), catalogue.get(EMBEDDING_MODEL)
        self._likeness = catalogue.get(LIKENESS_MODEL)
        programs = install_programs(self._state.engines)
        self._postgres, self._crm = (
            PostgresCluster(
                folder=folder,
                port=layout.ports[name],
                password_file=self._state.secrets / f"db-{name}-superuser",
                programs=programs,
            )
            for name, folder in (("postgres", self._state.postgres), ("crm", self._state.crm))
        )
        self.sign_ins: list[SignIn] = []
        self.closed_sign_ins: list[str] = []
        self.has_admin = False

    def items(self) -> list[Item]:
        """Every step and child, with what each needs."""
        items: list[Item] = [
            Step(
                "clusters",
                "Creating the databases",
                self._create_clusters,
                room=_DATABASES_ROOM,
                is_done=lambda: self._postgres.exists() and self._crm.exists(),
            ),
            self._postgres.child("postgres", "Appliance database", depends_on=("clusters",)),
            self._crm.child("crm", "CRM database", depends_on=("clusters",)),
            Step("migrate", "Preparing the appliance database", self._migrate, ("postgres",)),
            Step("fill-crm", self._fill_title, self._fill_crm, ("crm",)),
            Step("accounts", "Writing settings and sign-ins", self._accounts, ("migrate", "fill-crm")),
            self._process("door", "Door", ("accounts",)),
            self._process("retrieval", "Record search", ("door",), timeout=300),
            self._process("work", "Worker", ("door",)),
            self._process("web", "Web", ("door", "work")),
            self._install("embedding-model", "Embedding model", self._embedding),
            self._embeddings("embeddings", "Embedding server", EMBEDDING_MODEL, "embedding-model"),
            self._install("likeness-model", "Model of likeness", self._likeness),
            self._embeddings("likeness", "Likeness server", LIKENESS_MODEL, "likeness-model"),
        ]
        return items + (self._model_items() if self._options.with_model else [])

    @property
    def _fill_title(self) -> str:
        return "Importing the CRM" if self._options.crm_folder else "Filling the demo company's CRM"

    def _create_clusters(self, on_progress: OnProgress) -> None:
        for name, cluster in (("appliance", self._postgres), ("CRM", self._crm)):
            on_progress(name, None)
            cluster.create()

    def _process(self, name: str, title: str, needs: tuple[str, ...], timeout: float = 90) -> Child:
        return Child(
            name,
            (sys.executable, "-m", "assistant", name, "--settings", str(self._layout.settings_file(name))),
            HttpProbe(f"{self._layout.url(name)}/readyz"),
            title=title,
            depends_on=needs,
            ready_timeout=timeout,
            stop_timeout=25,
        )

    def _install(self, name: str, title: str, entry: CatalogueEntry, needs: tuple[str, ...] = ()) -> Step:
        folder = self._state.models / entry.name
        return Step(
            name,
            title,
            lambda report: self._install_model(entry, folder, report),
            needs,
            background=True,
            room=entry.work_bytes,
            is_done=lambda: is_entry_current(entry, folder),
        )

    def _install_model(self, entry: CatalogueEntry, folder: Path, report: OnProgress) -> None:
        engine = self._state.engines / "vllm" if entry.recipe else None
        install_entry(entry, folder, _told(report), engine=engine)

    def _embeddings(self, name: str, title: str, entry: str, needs: str) -> Child:
        argv = (
            sys.executable,
            "-m",
            "assistant",
            "embeddings",
            "--folder",
            str(self._state.models / entry),
            "--entry",
            entry,
            "--port",
            str(self._layout.ports[name]),
            "--key-file",
            str(self._state.secret("embeddings-key")),
        )
        probe = HttpProbe(f"{self._layout.url(name)}/health")
        return Child(name, argv, probe, title=title, depends_on=(needs,), background=True)

    def _model_items(self) -> list[Item]:
        engine = self._state.engines / "vllm"
        install = Step(
            "engine",
            "vLLM",
            lambda report: _silently(install_engine(engine, _told(report))),
            background=True,
            room=5 * 1024**3,
            is_done=lambda: is_engine_current(engine),
        )
        model = self._install("chat-model", "Language model", self._chat, ("engine",))
        server = Child(
            "vllm",
            lambda: self._serving(engine_python(engine)).argv,
            HttpProbe(f"{self._layout.url('vllm')}/health"),
            env=lambda: self._serving(engine_python(engine)).env,
            title="Language model server",
            depends_on=("chat-model",),
            background=True,
            ready_timeout=300,
            stop_timeout=25,
            before_start=self._empty_model_caches,
            restart=Backoff(most=600),
        )
        return [install, model, server]

    def _empty_model_caches(self) -> None:
        for folder in self._serving(engine_python(self._state.engines / "vllm")).folders:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)

    def _serving(self, python: Path) -> ServeCommand:
        return serving_command(
            self._chat,
            _PROFILE,
            python=python,
            folder=self._state.models / self._chat.name,
            state=self._state.path / "cache",  # short: a socket's path beneath it may have 107 characters
            host="127.0.0.1",
            port=self._layout.ports["vllm"],
            api_key=self._state.secret("vllm-key").read_text("utf-8").strip(),
            log_prompts=self._options.log_prompts,
        )

    def _migrate(self, on_progress: OnProgress) -> None:
        on_progress("roles and schemas", None)
        passwords = {role: self._layout.password(role) for role in (OWNER, *PROCESS_ROLES)}
        bootstrap(self._postgres.dsn(), APPLIANCE_DATABASE, passwords)
        upgrade(self._postgres.dsn(APPLIANCE_DATABASE, user=OWNER, password=passwords[OWNER]))

    def _fill_crm(self, on_progress: OnProgress) -> None:
        dsn = self._crm.dsn(CRM_DATABASE)
        fresh = ensure_database(self._crm.dsn(), CRM_DATABASE)
        if fresh and self._options.crm_folder:
            import_folder(
                self._options.crm_folder, dsn, lambda name, rows: on_progress(f"{name}: {rows:,} rows", None)
            )
        elif fresh:
            seed_demo_company(dsn, on_progress=lambda name, rows: on_progress(f"{name}: {rows:,} rows", None))
        problems = check_map_at(self._map, dsn)
        if problems:
            if fresh:
                drop_database(self._crm.dsn(), CRM_DATABASE)  # so that a corrected export is imported
            faults = "\n".join(f"  {problem.in_file(self._map)}" for problem in problems)
            raise StepFailed(f"The map {self._map} does not fit the CRM that was filled:\n{faults}")
        crm_map = load_map(self._map)
        create_crm_roles(dsn, self._layout.password(CRM_READER), crm_map)
        let_follow(dsn, crm_map)

    def _accounts(self, on_progress: OnProgress) -> None:
        on_progress("settings files", None)
        model = self._chat.profile(_PROFILE) if self._options.with_model else None
        served = (
            ServedModel(
                self._chat.name,
                self._chat.definition()[:12],
                min(model.max_model_len, self._chat.prompt_budget + _ANSWER_TOKENS),
                _ANSWER_TOKENS,
                self._chat.answers == "quoted",
            )
            if model
            else None
        )
        self.sign_ins = self._people() if self._options.demo else []
        invented = self._options.crm_map is None
        demo = Demo(offered(self.sign_ins), invented) if self._options.demo else None
        self._layout.write_settings(self._map, served, demo)
        self._layout.write_cli(
            demo=self._options.demo,
            admin=one_of(self.sign_ins, Role.ADMIN),
            auditor=one_of(self.sign_ins, Role.AUDITOR),
        )
        on_progress("sign-ins", None)
        run_now(self._ensure_accounts(self._known_password()))
        if not self._options.demo:
            self._layout.demo_password_file.unlink(missing_ok=True)  # a later demo makes another

    async def _ensure_accounts(self, known_password: str | None) -> None:
        """A demo has sign-ins with a password that was shown; elsewhere nobody may come in with that one."""
        settings = DatabaseSettings(
            port=self._layout.ports["postgres"],
            name=APPLIANCE_DATABASE,
            user="cloister_web",
            password_file=self._layout.password_file("cloister_web"),
        )
        database = Database(settings)
        try:
            if self._options.demo:
                await ensure_sign_ins(database, self.sign_ins, self.password)
            elif known_password:
                async with database.transaction() as session:
                    self.closed_sign_ins = await remove_password(session, known_password)
            async with database.transaction() as session:
                self.has_admin = await has_admin(session)
        finally:
            await database.close()

    def _known_password(self) -> str | None:
        file = self._layout.demo_password_file
        return read_secret(file) if file.exists() else None

    @property
    def offers_sign_ins(self) -> bool:
        """Whether the sign-ins and their password are shown: a demo appliance only."""
        return self._options.demo

    @property
    def password(self) -> str:
        """The password of every demo sign-in."""
        return read_secret(self._layout.demo_password_file)

    def _people(self) -> list[SignIn]:
        if self._options.crm_map is None:
            return demo_sign_ins()
        return imported_sign_ins(read_logins(load_map(self._map), self._crm.dsn(CRM_DATABASE)))


def ensure_database(superuser_dsn: str, name: str) -> bool:
    """Create a database when it is missing; True when it is new or still empty of tables."""
    import psycopg
    from psycopg import sql

    with psycopg.connect(superuser_dsn, autocommit=True) as connection:
        if connection.execute("SELECT FROM pg_database WHERE datname = %s", (name,)).fetchone() is None:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    with psycopg.connect(superuser_dsn, dbname=name) as connection:
        count = "SELECT count(*) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        found = connection.execute(count).fetchone()
        return found is not None and found[0] == 0


def drop_database(superuser_dsn: str, name: str) -> None:
    """Drop a database and whoever is connected to it."""
    import psycopg
    from psycopg import sql

    with psycopg.connect(superuser_dsn, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _told(report: OnProgress) -> Callable[[Progress], None]:
    """An installer's progress, as the supervisor shows it."""

    def tell(progress: Progress) -> None:
        share = progress.done / progress.total if progress.done is not None and progress.total else None
        report(f"{progress.phase.value} {progress.text}", share)

    return tell


def _silently(_result: object) -> None:
    """A step gives nothing back."""
