-- bounded
SELECT * FROM staff.departments

-- bounded
SELECT budget FROM staff.departments WHERE title = 'Research'

-- bounded
SELECT * FROM staff.departments WHERE true OR title = 'Research'

-- bounded
SELECT 1 / (budget - 250000) FROM staff.departments

-- bounded
SELECT * FROM staff.departments WHERE 1 / (budget - 250000) > 0

-- bounded
SELECT e.name, d.title FROM staff.employees e LEFT JOIN staff.departments d ON d.id = e.department_id

-- bounded
SELECT sum(budget) FROM staff.departments

-- bounded
SELECT title::int FROM staff.departments WHERE budget = 250000
