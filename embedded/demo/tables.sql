-- The demo database of Bluefin Software: tables, without keys, which keys.sql adds once the rows are in.
-- Comments are written for whoever asks questions: short, and only what the name does not say already.

CREATE SCHEMA people;
CREATE SCHEMA sales;
CREATE SCHEMA billing;
CREATE SCHEMA support;
CREATE SCHEMA web;

CREATE TYPE people.leaving_reason AS ENUM ('resigned', 'retired', 'dismissed', 'contract_ended');
CREATE TYPE people.salary_change AS ENUM ('hired', 'annual_review', 'promotion');
CREATE TYPE people.leave_type AS ENUM ('vacation', 'sick', 'parental', 'unpaid');
CREATE TYPE people.leave_status AS ENUM ('requested', 'approved', 'rejected', 'cancelled');
CREATE TYPE sales.order_status AS ENUM ('pending', 'completed', 'cancelled', 'refunded');
CREATE TYPE billing.subscription_status AS ENUM ('trial', 'active', 'cancelled');
CREATE TYPE billing.invoice_status AS ENUM ('open', 'paid', 'overdue', 'void');
CREATE TYPE billing.payment_method AS ENUM ('card', 'bank_transfer', 'direct_debit');
CREATE TYPE support.ticket_priority AS ENUM ('low', 'normal', 'high', 'urgent');
CREATE TYPE support.ticket_status AS ENUM ('open', 'waiting', 'resolved');
CREATE TYPE support.ticket_channel AS ENUM ('email', 'chat', 'phone');
CREATE TYPE support.message_author AS ENUM ('customer', 'employee');
CREATE TYPE web.event_type AS ENUM ('page_view', 'login', 'signup', 'download', 'feature_used');
CREATE TYPE web.device_type AS ENUM ('desktop', 'mobile', 'tablet');

CREATE TABLE people.departments (
    department_id integer NOT NULL,
    department_name text NOT NULL,
    cost_center text NOT NULL
);
COMMENT ON TABLE people.departments IS 'Departments of the company';
COMMENT ON COLUMN people.departments.department_name IS 'Such as Engineering, Sales, Marketing, Finance';

CREATE TABLE people.offices (
    office_id integer NOT NULL,
    city text NOT NULL,
    country text NOT NULL,
    opened_on date NOT NULL
);
COMMENT ON TABLE people.offices IS 'Offices of the company';
COMMENT ON COLUMN people.offices.country IS 'English name, such as Germany';

CREATE TABLE people.employees (
    employee_id integer NOT NULL,
    first_name text NOT NULL,
    last_name text NOT NULL,
    title text NOT NULL,
    department_id integer NOT NULL,
    office_id integer,
    manager_id integer,
    hired_on date NOT NULL,
    birth_date date NOT NULL,
    national_id text NOT NULL,
    personal_email text
);
COMMENT ON TABLE people.employees IS 'People who work here today, one row each';
COMMENT ON COLUMN people.employees.title IS
    'Job title with seniority; titles of engineers contain Engineer: Senior Software Engineer, Data Engineer';
COMMENT ON COLUMN people.employees.office_id IS 'NULL for people who work remotely';
COMMENT ON COLUMN people.employees.manager_id IS 'The employee whom they report to; NULL for the CEO';
COMMENT ON COLUMN people.employees.birth_date IS 'Confidential';
COMMENT ON COLUMN people.employees.national_id IS 'Confidential';
COMMENT ON COLUMN people.employees.personal_email IS 'Confidential';

CREATE TABLE people.former_employees (
    employee_id integer NOT NULL,
    first_name text NOT NULL,
    last_name text NOT NULL,
    title text NOT NULL,
    department_id integer NOT NULL,
    hired_on date NOT NULL,
    left_on date NOT NULL,
    leaving_reason people.leaving_reason NOT NULL
);
COMMENT ON TABLE people.former_employees IS 'People who have left; they are not in employees';
COMMENT ON COLUMN people.former_employees.left_on IS 'Last day at work';

CREATE TABLE people.salary_history (
    salary_history_id integer NOT NULL,
    employee_id integer NOT NULL,
    effective_on date NOT NULL,
    annual_salary numeric(10, 2) NOT NULL,
    change_reason people.salary_change NOT NULL
);
COMMENT ON TABLE people.salary_history IS 'Salaries over time; confidential';
COMMENT ON COLUMN people.salary_history.annual_salary IS 'US dollars a year, before tax';

CREATE TABLE people.leave_requests (
    leave_request_id integer NOT NULL,
    employee_id integer NOT NULL,
    leave_type people.leave_type NOT NULL,
    status people.leave_status NOT NULL,
    starts_on date NOT NULL,
    ends_on date NOT NULL,
    working_days integer NOT NULL
);
COMMENT ON TABLE people.leave_requests IS 'Time off that employees asked for';
COMMENT ON COLUMN people.leave_requests.working_days IS 'Weekdays from starts_on to ends_on, both counted';

CREATE TABLE sales.customers (
    customer_id integer NOT NULL,
    company_name text NOT NULL,
    industry text NOT NULL,
    country text NOT NULL,
    account_manager_id integer,
    contact_name text NOT NULL,
    contact_email text NOT NULL,
    contact_phone text,
    signed_up_on date NOT NULL
);
COMMENT ON TABLE sales.customers IS 'Companies that buy from us';
COMMENT ON COLUMN sales.customers.industry IS 'Such as Retail, Healthcare, Banking, Education';
COMMENT ON COLUMN sales.customers.country IS 'English name, such as Germany';
COMMENT ON COLUMN sales.customers.account_manager_id IS 'The employee who looks after them; NULL when nobody does';
COMMENT ON COLUMN sales.customers.contact_email IS 'Confidential';
COMMENT ON COLUMN sales.customers.contact_phone IS 'Confidential';

CREATE TABLE sales.products (
    product_id integer NOT NULL,
    product_name text NOT NULL,
    category text NOT NULL,
    list_price numeric(10, 2) NOT NULL,
    launched_on date NOT NULL,
    discontinued_on date
);
COMMENT ON TABLE sales.products IS 'What is sold in orders; subscriptions are sold as plans';
COMMENT ON COLUMN sales.products.category IS 'Hardware, Training, Consulting, Add-on or Support';
COMMENT ON COLUMN sales.products.list_price IS 'US dollars';
COMMENT ON COLUMN sales.products.discontinued_on IS 'NULL while it is sold';

CREATE TABLE sales.orders (
    order_id integer NOT NULL,
    customer_id integer NOT NULL,
    sales_rep_id integer,
    ordered_on date NOT NULL,
    status sales.order_status NOT NULL,
    total_amount numeric(12, 2) NOT NULL
);
COMMENT ON TABLE sales.orders IS 'One-off orders of products';
COMMENT ON COLUMN sales.orders.sales_rep_id IS 'The employee who sold it; NULL when it was bought online';
COMMENT ON COLUMN sales.orders.total_amount IS 'US dollars: the sum of its order_items';

CREATE TABLE sales.order_items (
    order_item_id integer NOT NULL,
    order_id integer NOT NULL,
    product_id integer NOT NULL,
    quantity integer NOT NULL,
    unit_price numeric(10, 2) NOT NULL
);
COMMENT ON TABLE sales.order_items IS 'The lines of an order';
COMMENT ON COLUMN sales.order_items.unit_price IS 'US dollars that the customer paid for one';

CREATE TABLE billing.plans (
    plan_id integer NOT NULL,
    plan_name text NOT NULL,
    price_per_seat numeric(8, 2) NOT NULL
);
COMMENT ON TABLE billing.plans IS 'Subscription plans';
COMMENT ON COLUMN billing.plans.plan_name IS 'Starter, Team, Business or Enterprise';
COMMENT ON COLUMN billing.plans.price_per_seat IS 'US dollars a month';

CREATE TABLE billing.subscriptions (
    subscription_id integer NOT NULL,
    customer_id integer NOT NULL,
    plan_id integer NOT NULL,
    status billing.subscription_status NOT NULL,
    seats integer NOT NULL,
    monthly_amount numeric(10, 2) NOT NULL,
    started_on date NOT NULL,
    cancelled_on date
);
COMMENT ON TABLE billing.subscriptions IS 'Plans that customers subscribe to';
COMMENT ON COLUMN billing.subscriptions.monthly_amount IS 'US dollars a month: seats times price_per_seat';
COMMENT ON COLUMN billing.subscriptions.cancelled_on IS 'NULL unless cancelled';

CREATE TABLE billing.invoices (
    invoice_id integer NOT NULL,
    customer_id integer NOT NULL,
    subscription_id integer NOT NULL,
    issued_on date NOT NULL,
    due_on date NOT NULL,
    status billing.invoice_status NOT NULL,
    amount numeric(10, 2) NOT NULL
);
COMMENT ON TABLE billing.invoices IS 'Monthly bills for subscriptions';
COMMENT ON COLUMN billing.invoices.amount IS 'US dollars';

CREATE TABLE billing.payments (
    payment_id integer NOT NULL,
    invoice_id integer NOT NULL,
    paid_on date NOT NULL,
    amount numeric(10, 2) NOT NULL,
    payment_method billing.payment_method NOT NULL,
    card_last_four text
);
COMMENT ON TABLE billing.payments IS 'Payments of invoices, one for each paid invoice';
COMMENT ON COLUMN billing.payments.amount IS 'US dollars';
COMMENT ON COLUMN billing.payments.card_last_four IS 'Confidential';

CREATE TABLE support.tickets (
    ticket_id integer NOT NULL,
    customer_id integer NOT NULL,
    assignee_id integer,
    subject text NOT NULL,
    category text NOT NULL,
    priority support.ticket_priority NOT NULL,
    status support.ticket_status NOT NULL,
    channel support.ticket_channel NOT NULL,
    opened_at timestamptz NOT NULL,
    resolved_at timestamptz,
    satisfaction_rating smallint
);
COMMENT ON TABLE support.tickets IS 'Support requests of customers';
COMMENT ON COLUMN support.tickets.assignee_id IS 'The employee who handles it; NULL when nobody does yet';
COMMENT ON COLUMN support.tickets.category IS 'Billing, Bug, Performance, How-to, Access or Integration';
COMMENT ON COLUMN support.tickets.resolved_at IS 'NULL until resolved';
COMMENT ON COLUMN support.tickets.satisfaction_rating IS '1 (bad) to 5 (good); NULL when not rated';

CREATE TABLE support.ticket_messages (
    ticket_message_id integer NOT NULL,
    ticket_id integer NOT NULL,
    author_type support.message_author NOT NULL,
    sent_at timestamptz NOT NULL,
    body text NOT NULL
);
COMMENT ON TABLE support.ticket_messages IS 'The conversation of a ticket';
COMMENT ON COLUMN support.ticket_messages.body IS 'Confidential';

CREATE TABLE web.campaigns (
    campaign_id integer NOT NULL,
    campaign_name text NOT NULL,
    channel text NOT NULL,
    starts_on date NOT NULL,
    ends_on date,
    budget numeric(10, 2) NOT NULL
);
COMMENT ON TABLE web.campaigns IS 'Marketing campaigns';
COMMENT ON COLUMN web.campaigns.channel IS 'Search, Social, Email, Partner or Event';
COMMENT ON COLUMN web.campaigns.ends_on IS 'NULL while it runs';
COMMENT ON COLUMN web.campaigns.budget IS 'US dollars';

CREATE TABLE web.events (
    event_id integer NOT NULL,
    occurred_at timestamptz NOT NULL,
    event_type web.event_type NOT NULL,
    visitor_id integer NOT NULL,
    customer_id integer,
    campaign_id integer,
    page_path text NOT NULL,
    device web.device_type NOT NULL,
    country text
) PARTITION BY RANGE (occurred_at);
COMMENT ON TABLE web.events IS 'What visitors do on the web site and in the product';
COMMENT ON COLUMN web.events.visitor_id IS 'One browser; not a customer';
COMMENT ON COLUMN web.events.customer_id IS 'NULL when the visitor is not signed in';
COMMENT ON COLUMN web.events.campaign_id IS 'The campaign that brought the visitor, if any';
