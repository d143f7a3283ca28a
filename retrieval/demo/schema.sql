CREATE TABLE territories (
    id bigint PRIMARY KEY,
    name text NOT NULL UNIQUE,
    country text NOT NULL
);
CREATE TABLE teams (
    id bigint PRIMARY KEY,
    name text NOT NULL UNIQUE
);
CREATE TABLE users (
    id bigint PRIMARY KEY,
    email text NOT NULL UNIQUE,
    full_name text NOT NULL,
    role text NOT NULL CHECK (role IN ('rep', 'lead', 'officer', 'auditor', 'admin')),
    is_active boolean NOT NULL DEFAULT true
);
CREATE TABLE team_members (
    team_id bigint NOT NULL REFERENCES teams ON DELETE CASCADE,
    user_id bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    PRIMARY KEY (team_id, user_id)
);
CREATE TABLE team_territories (
    team_id bigint NOT NULL REFERENCES teams ON DELETE CASCADE,
    territory_id bigint NOT NULL REFERENCES territories ON DELETE CASCADE,
    PRIMARY KEY (team_id, territory_id)
);
CREATE TABLE products (
    id bigint PRIMARY KEY,
    code text NOT NULL UNIQUE,
    name text NOT NULL,
    family text NOT NULL,
    description text NOT NULL,
    list_price numeric(12, 2) NOT NULL,
    warranty_months integer NOT NULL,
    stock integer NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE accounts (
    id bigint PRIMARY KEY,
    account_no text NOT NULL UNIQUE,
    name text NOT NULL,
    segment text NOT NULL CHECK (segment IN ('business', 'home')),
    industry text,
    phone text NOT NULL,
    email text NOT NULL,
    website text,
    address_line text NOT NULL,
    postcode text NOT NULL,
    city text NOT NULL,
    country text NOT NULL,
    vat_id text,
    iban text,
    territory_id bigint NOT NULL REFERENCES territories,
    owner_id bigint REFERENCES users,
    plan text NOT NULL,
    sla_tier text NOT NULL,
    status text NOT NULL,
    balance numeric(12, 2) NOT NULL,
    credit_limit numeric(12, 2) NOT NULL,
    last_order_on date,
    restricted boolean NOT NULL DEFAULT false,
    summary text NOT NULL,
    internal_note text,
    portal_password_hash text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE contacts (
    id bigint PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    first_name text NOT NULL,
    last_name text NOT NULL,
    job_title text,
    email text NOT NULL,
    phone text NOT NULL,
    mobile text,
    birth_date date,
    language text NOT NULL,
    is_primary boolean NOT NULL,
    consent boolean NOT NULL,
    remarks text,
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE orders (
    id bigint PRIMARY KEY,
    order_no text NOT NULL UNIQUE,
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    contact_id bigint REFERENCES contacts ON DELETE SET NULL,
    items text NOT NULL,
    ordered_on date NOT NULL,
    status text NOT NULL,
    total numeric(12, 2) NOT NULL,
    delivery_due_on date,
    delivered_on date,
    tracking_no text,
    shipping_address text NOT NULL,
    invoice_no text,
    invoice_due_on date,
    paid boolean NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE order_lines (
    id bigint PRIMARY KEY,
    order_id bigint NOT NULL REFERENCES orders ON DELETE CASCADE,
    product_id bigint NOT NULL REFERENCES products,
    quantity integer NOT NULL CHECK (quantity > 0),
    unit_price numeric(12, 2) NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE cases (
    id bigint PRIMARY KEY,
    case_no text NOT NULL UNIQUE,
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    contact_id bigint REFERENCES contacts ON DELETE SET NULL,
    order_id bigint REFERENCES orders ON DELETE SET NULL,
    product_id bigint REFERENCES products,
    assigned_to bigint REFERENCES users,
    team_id bigint REFERENCES teams,
    subject text NOT NULL,
    description text NOT NULL,
    resolution text,
    category text NOT NULL,
    priority text NOT NULL,
    status text NOT NULL CHECK (status IN ('open', 'waiting', 'escalated', 'closed')),
    opened_on date NOT NULL,
    answer_due_on date NOT NULL,
    replacement_due_on date,
    refund_offered numeric(12, 2),
    closed_on date,
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE case_notes (
    id bigint PRIMARY KEY,
    case_id bigint NOT NULL REFERENCES cases ON DELETE CASCADE,
    case_no text NOT NULL,
    author_id bigint REFERENCES users,
    internal boolean NOT NULL,
    confidential boolean NOT NULL,
    written_on date NOT NULL,
    body text NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE mails (
    id bigint PRIMARY KEY,
    case_id bigint NOT NULL REFERENCES cases ON DELETE CASCADE,
    contact_id bigint REFERENCES contacts ON DELETE SET NULL,
    direction text NOT NULL CHECK (direction IN ('in', 'out')),
    sender text NOT NULL,
    recipient text NOT NULL,
    subject text NOT NULL,
    body text NOT NULL,
    sent_on date NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE articles (
    id bigint PRIMARY KEY,
    title text NOT NULL UNIQUE,
    category text NOT NULL,
    audience text NOT NULL CHECK (audience IN ('public', 'staff', 'lead')),
    staff_only boolean NOT NULL,
    body text NOT NULL,
    updated_on date NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE FUNCTION touch_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END
$$;
