-- Keys and indexes, once the rows are in: a key on an empty table is checked row by row, which takes longer.

ALTER TABLE people.departments ADD PRIMARY KEY (department_id), ADD UNIQUE (department_name);
ALTER TABLE people.offices ADD PRIMARY KEY (office_id), ADD UNIQUE (city);
ALTER TABLE people.employees ADD PRIMARY KEY (employee_id),
    ADD FOREIGN KEY (department_id) REFERENCES people.departments,
    ADD FOREIGN KEY (office_id) REFERENCES people.offices,
    ADD FOREIGN KEY (manager_id) REFERENCES people.employees;
ALTER TABLE people.former_employees ADD PRIMARY KEY (employee_id),
    ADD FOREIGN KEY (department_id) REFERENCES people.departments,
    ADD CHECK (left_on >= hired_on);
ALTER TABLE people.salary_history ADD PRIMARY KEY (salary_history_id),
    ADD FOREIGN KEY (employee_id) REFERENCES people.employees;
ALTER TABLE people.leave_requests ADD PRIMARY KEY (leave_request_id),
    ADD FOREIGN KEY (employee_id) REFERENCES people.employees,
    ADD CHECK (ends_on >= starts_on);

ALTER TABLE sales.customers ADD PRIMARY KEY (customer_id), ADD UNIQUE (company_name),
    ADD FOREIGN KEY (account_manager_id) REFERENCES people.employees;
ALTER TABLE sales.products ADD PRIMARY KEY (product_id), ADD UNIQUE (product_name);
ALTER TABLE sales.orders ADD PRIMARY KEY (order_id),
    ADD FOREIGN KEY (customer_id) REFERENCES sales.customers,
    ADD FOREIGN KEY (sales_rep_id) REFERENCES people.employees;
ALTER TABLE sales.order_items ADD PRIMARY KEY (order_item_id),
    ADD FOREIGN KEY (order_id) REFERENCES sales.orders,
    ADD FOREIGN KEY (product_id) REFERENCES sales.products,
    ADD CHECK (quantity > 0);

ALTER TABLE billing.plans ADD PRIMARY KEY (plan_id), ADD UNIQUE (plan_name);
ALTER TABLE billing.subscriptions ADD PRIMARY KEY (subscription_id),
    ADD FOREIGN KEY (customer_id) REFERENCES sales.customers,
    ADD FOREIGN KEY (plan_id) REFERENCES billing.plans,
    ADD CHECK ((status = 'cancelled') = (cancelled_on IS NOT NULL));
ALTER TABLE billing.invoices ADD PRIMARY KEY (invoice_id),
    ADD FOREIGN KEY (customer_id) REFERENCES sales.customers,
    ADD FOREIGN KEY (subscription_id) REFERENCES billing.subscriptions;
ALTER TABLE billing.payments ADD PRIMARY KEY (payment_id), ADD UNIQUE (invoice_id),
    ADD FOREIGN KEY (invoice_id) REFERENCES billing.invoices;

ALTER TABLE support.tickets ADD PRIMARY KEY (ticket_id),
    ADD FOREIGN KEY (customer_id) REFERENCES sales.customers,
    ADD FOREIGN KEY (assignee_id) REFERENCES people.employees,
    ADD CHECK ((status = 'resolved') = (resolved_at IS NOT NULL)),
    ADD CHECK (satisfaction_rating BETWEEN 1 AND 5);
ALTER TABLE support.ticket_messages ADD PRIMARY KEY (ticket_message_id),
    ADD FOREIGN KEY (ticket_id) REFERENCES support.tickets;

ALTER TABLE web.campaigns ADD PRIMARY KEY (campaign_id), ADD UNIQUE (campaign_name);
ALTER TABLE web.events ADD PRIMARY KEY (event_id, occurred_at),
    ADD FOREIGN KEY (customer_id) REFERENCES sales.customers,
    ADD FOREIGN KEY (campaign_id) REFERENCES web.campaigns;

CREATE INDEX ON people.employees (department_id);
CREATE INDEX ON people.leave_requests (employee_id);
CREATE INDEX ON sales.orders (customer_id);
CREATE INDEX ON sales.orders (ordered_on);
CREATE INDEX ON sales.order_items (order_id);
CREATE INDEX ON billing.subscriptions (customer_id);
CREATE INDEX ON billing.invoices (customer_id);
CREATE INDEX ON billing.invoices (issued_on);
CREATE INDEX ON support.tickets (customer_id);
CREATE INDEX ON support.ticket_messages (ticket_id);
CREATE INDEX ON web.events (occurred_at);

-- Views run with the rights of whoever reads them, so that none can show what its reader may not see.
CREATE VIEW people.headcount_by_department WITH (security_invoker = true) AS
SELECT d.department_id, d.department_name, count(e.employee_id) AS employees
FROM people.departments AS d
LEFT JOIN people.employees AS e USING (department_id)
GROUP BY d.department_id, d.department_name;
COMMENT ON VIEW people.headcount_by_department IS 'How many people work in each department today';

CREATE VIEW sales.monthly_sales WITH (security_invoker = true) AS
SELECT date_trunc('month', ordered_on)::date AS month, count(*) AS orders, sum(total_amount) AS total_amount
FROM sales.orders
WHERE status = 'completed'
GROUP BY 1;
COMMENT ON VIEW sales.monthly_sales IS 'Completed orders by month';
COMMENT ON COLUMN sales.monthly_sales.month IS 'First day of the month';
COMMENT ON COLUMN sales.monthly_sales.total_amount IS 'US dollars';
