"""The words that the demo database is made of. Every person, company and address here is invented."""


def _words(text: str) -> list[str]:
    return text.split()


FIRST_NAMES = _words("""
    Aaron Abigail Adam Adele Ahmed Aisha Alan Alice Amara Ana Andre Anita Anna Anton Asha Astrid
    Ben Bianca Boris Bruno Camille Carla Carlos Chen Chloe Clara Daniel David Deepa Diana Diego
    Dora Edwin Elena Eli Elif Emil Emma Erik Esther Eva Farid Fatima Felix Fiona Frank Gabriel Gita
    Grace Hana Hannah Hassan Helen Henry Hugo Ibrahim Ines Ingrid Irene Isaac Ivan Jack Jana Javier
    Jin Joan Jonas José Julia Jürgen Kai Karim Kate Kenji Klara Kofi Lars Laura Layla Lea Leo Lena
    Liam Lin Lucas Lucia Maja Marco Maria Mark Martin Maya Mei Mia Miguel Milan Mina Mohamed Nadia
    Naomi Nina Noah Nora Olga Oliver Omar Oscar Pablo Paula Pedro Peter Petra Priya Quentin Rachel
    Rafael Rana Ravi Rita Robert Rosa Ruth Ryan Sami Samuel Sara Sofia Simon Stella Stefan Sven
    Tara Theo Thomas Tina Tom Uma Vera Victor Viola Walter Wei Xavier Yara Yuki Yusuf Zara Zoë
""")

LAST_NAMES = _words("""
    Abbott Adams Adeyemi Ahmadi Almeida Andersson Arnold Bakker Banerjee Barros Bauer Becker
    Bennett Berg Bianchi Blake Bose Brandt Brooks Campos Carter Castro Chang Chavez Cohen Costa
    Cruz Dahl Das Dean Diaz Dietrich Dubois Duran Eriksen Evans Farah Ferrari Fischer Flores Foster
    Fuchs Garcia Gill Gomez Grant Gupta Haas Hansen Harris Hayashi Hoffmann Holm Huang Hughes
    Ibrahim Ito Iyer Jansen Jensen Joshi Kaplan Kato Keller Khan Kim Klein Koch Kowalski Kumar
    Lambert Larsen Lee Leroy Lewis Li Lindberg Lopez Maier Marin Martinez Mason Mehta Mendes Meyer
    Moreau Morgan Müller Murphy Nakamura Nair Nguyen Nielsen Novak Obi Okafor Olsen Ortega Osei
    Park Patel Pereira Petrov Pham Pinto Popescu Qureshi Rahman Ramos Reid Reyes Ricci Rivera
    Romano Rossi Roth Sato Schmidt Schneider Sharma Silva Singh Santos Stone Suzuki Tanaka Tran
    Vargas Vogel Walker Wang Weber Winter Wolf Wong Wright Yamamoto Yang Yilmaz Young Zhang
    Zimmermann
""")

OFFICES = (
    ("Berlin", "Germany", 30),
    ("London", "United Kingdom", 22),
    ("New York", "United States", 20),
    ("Singapore", "Singapore", 11),
    ("Toronto", "Canada", 10),
    ("Lisbon", "Portugal", 7),
)
"""City, country, and how many of a hundred people with a desk work there."""

DEPARTMENTS = (
    "Engineering",
    "Product",
    "Design",
    "Data",
    "Sales",
    "Marketing",
    "Customer Success",
    "Support",
    "Finance",
    "People",
    "Legal",
    "Operations",
    "Executive",
)

HEADCOUNT = {
    "Engineering": 190,
    "Product": 30,
    "Design": 22,
    "Data": 20,
    "Sales": 105,
    "Marketing": 34,
    "Customer Success": 36,
    "Support": 62,
    "Finance": 20,
    "People": 16,
    "Legal": 6,
    "Operations": 20,
}
"""People of each department in a typical year, without those who lead."""

TITLES: dict[str, tuple[tuple[str, int], ...]] = {
    "Engineering": (
        ("Software Engineer", 34),
        ("Senior Software Engineer", 22),
        ("Staff Software Engineer", 6),
        ("Frontend Engineer", 9),
        ("Data Engineer", 8),
        ("Site Reliability Engineer", 7),
        ("QA Engineer", 6),
        ("Machine Learning Engineer", 4),
        ("Security Engineer", 4),
    ),
    "Product": (
        ("Product Manager", 60),
        ("Senior Product Manager", 30),
        ("Product Analyst", 10),
    ),
    "Design": (
        ("Product Designer", 55),
        ("Senior Product Designer", 25),
        ("UX Researcher", 20),
    ),
    "Data": (
        ("Data Analyst", 55),
        ("Data Scientist", 45),
    ),
    "Sales": (
        ("Account Executive", 36),
        ("Senior Account Executive", 16),
        ("Account Manager", 22),
        ("Sales Development Representative", 18),
        ("Solutions Consultant", 8),
    ),
    "Marketing": (
        ("Marketing Specialist", 45),
        ("Content Writer", 30),
        ("Growth Analyst", 25),
    ),
    "Customer Success": (("Customer Success Manager", 100),),
    "Support": (
        ("Support Specialist", 70),
        ("Senior Support Specialist", 30),
    ),
    "Finance": (
        ("Accountant", 60),
        ("Financial Analyst", 40),
    ),
    "People": (
        ("Recruiter", 50),
        ("People Partner", 35),
        ("Payroll Specialist", 15),
    ),
    "Legal": (
        ("Legal Counsel", 70),
        ("Contract Specialist", 30),
    ),
    "Operations": (
        ("IT Administrator", 45),
        ("Facilities Coordinator", 30),
        ("Office Coordinator", 25),
    ),
}
"""The mix of titles, of a hundred. Engineers are in Engineering, all of them, and nobody else's title
contains the word: "How many engineers are there?" has one answer."""

LEADERS = {
    "Engineering": ("Product", "Development Manager"),
    "Product": ("Product", "Head of Product"),
    "Design": ("Design", "Design Manager"),
    "Data": ("Data", "Analytics Manager"),
    "Sales": ("Sales", "Sales Manager"),
    "Marketing": ("Marketing", "Marketing Manager"),
    "Customer Success": ("Customer Success", "Head of Customer Success"),
    "Support": ("Support", "Support Manager"),
    "Finance": ("Finance", "Finance Manager"),
    "People": ("People", "People Manager"),
    "Legal": ("Legal", "Head of Legal"),
    "Operations": ("Operations", "Operations Manager"),
}
"""For each department: the department and title of those whom its people report to."""

EXECUTIVES = (
    "Chief Executive Officer",
    "Chief Technology Officer",
    "Chief Product Officer",
    "Chief Revenue Officer",
    "Chief Financial Officer",
    "Chief People Officer",
)

REPORTS_TO = {
    "Development Manager": "Chief Technology Officer",
    "Analytics Manager": "Chief Technology Officer",
    "Operations Manager": "Chief Technology Officer",
    "Head of Product": "Chief Product Officer",
    "Design Manager": "Chief Product Officer",
    "Sales Manager": "Chief Revenue Officer",
    "Marketing Manager": "Chief Revenue Officer",
    "Head of Customer Success": "Chief Revenue Officer",
    "Support Manager": "Chief Revenue Officer",
    "Finance Manager": "Chief Financial Officer",
    "Head of Legal": "Chief Financial Officer",
    "People Manager": "Chief People Officer",
}

SALARIES = {
    "Executive": 260_000,
    "Engineering": 118_000,
    "Product": 112_000,
    "Data": 104_000,
    "Design": 96_000,
    "Legal": 110_000,
    "Sales": 92_000,
    "Finance": 84_000,
    "Marketing": 78_000,
    "Customer Success": 76_000,
    "People": 74_000,
    "Operations": 66_000,
    "Support": 58_000,
}
"""US dollars a year on hiring, around which people's salaries lie."""

COUNTRIES = (
    ("United States", 31),
    ("Germany", 16),
    ("United Kingdom", 13),
    ("France", 8),
    ("Canada", 7),
    ("Netherlands", 5),
    ("Spain", 4),
    ("Australia", 4),
    ("Sweden", 3),
    ("Japan", 3),
    ("Brazil", 3),
    ("India", 2),
    ("Portugal", 1),
)
"""Where customers are, of a hundred."""

INDUSTRIES = (
    ("Retail", 18),
    ("Healthcare", 14),
    ("Banking", 12),
    ("Education", 11),
    ("Manufacturing", 11),
    ("Logistics", 9),
    ("Media", 8),
    ("Insurance", 7),
    ("Energy", 5),
    ("Public Sector", 5),
)

COMPANY_FIRST = _words("""
    Alder Amber Anchor Apex Arbor Aster Atlas Aurora Beacon Birch Blue Bright Cedar Cobalt Copper
    Coral Crest Delta Dune Eagle Echo Elm Ember Falcon Fern Flint Forest Garnet Glacier Golden
    Granite Green Harbor Hazel Helix Heron Indigo Iron Ivory Jade Juniper Kestrel Lake Laurel Lemon
    Lime Linden Lunar Lynx Maple Marble Meadow Mercury Mint Mistral Moss North Nova Oak Ocean Olive
    Onyx Opal Orchid Osprey Otter Pearl Pine Pioneer Polar Prairie Quartz Raven Red River Robin
    Rowan Saffron Sage Sand Silver Sky Slate Solar South Spruce Stone Summit Swift Tidal Timber
    Topaz Tundra Umber Valley Velvet Vista Walnut West Willow Winter
""")

COMPANY_SECOND = _words("""
    Bank Bridge Brothers Capital Care Clinic College Collective Company Craft Dental Dynamics
    Energy Express Factory Farms Finance Foods Freight Goods Group Health Holdings Hotels House
    Industries Insurance Interactive Kitchens Labs Learning Lines Logistics Market Materials Media
    Medical Mills Motors Networks Outfitters Partners Pharmacy Power Press Retail Robotics School
    Services Shipping Solutions Stores Studio Supply Systems Textiles Toys Trading Transport Travel
    Union Ventures Water Works
""")

PRODUCTS = (
    ("Meeting Room Display", "Hardware", 649),
    ("Security Key", "Hardware", 39),
    ("Security Key Pack of Ten", "Hardware", 349),
    ("Badge Reader", "Hardware", 219),
    ("Label Printer", "Hardware", 289),
    ("Barcode Scanner", "Hardware", 159),
    ("Desk Sensor", "Hardware", 89),
    ("Edge Gateway", "Hardware", 1290),
    ("Conference Camera", "Hardware", 449),
    ("Wall Tablet", "Hardware", 399),
    ("Administrator Course", "Training", 890),
    ("Developer Course", "Training", 1190),
    ("Analyst Course", "Training", 790),
    ("Team Workshop", "Training", 2400),
    ("Certification Exam", "Training", 240),
    ("E-Learning Seat", "Training", 99),
    ("Train the Trainer", "Training", 3200),
    ("Onboarding Package", "Consulting", 4500),
    ("Data Migration", "Consulting", 6900),
    ("Integration Project", "Consulting", 9800),
    ("Architecture Review", "Consulting", 5200),
    ("Security Audit", "Consulting", 7400),
    ("Process Workshop", "Consulting", 3100),
    ("Custom Report", "Consulting", 1250),
    ("Extra Storage", "Add-on", 120),
    ("Audit Log Archive", "Add-on", 360),
    ("Sandbox Environment", "Add-on", 480),
    ("Single Sign-On", "Add-on", 600),
    ("Custom Domain", "Add-on", 90),
    ("API Volume Pack", "Add-on", 250),
    ("Advanced Analytics", "Add-on", 750),
    ("White Labeling", "Add-on", 1400),
    ("Data Residency", "Add-on", 980),
    ("Priority Support", "Support", 1100),
    ("Round-the-Clock Support", "Support", 2900),
    ("Dedicated Specialist", "Support", 5600),
    ("Health Check", "Support", 850),
    ("Upgrade Assistance", "Support", 1350),
)
"""Name, category and list price in US dollars. The first of each category sells best."""

PLANS = (("Starter", 9), ("Team", 19), ("Business", 35), ("Enterprise", 59))
"""Name and US dollars a seat and month."""

TICKET_SUBJECTS = {
    "Billing": ("Invoice shows the wrong seats", "Question about a charge", "Cannot change the card"),
    "Bug": ("Export ends halfway", "Page stays blank after login", "Numbers differ between two reports"),
    "Performance": ("Dashboard loads slowly", "Search takes minutes", "Import is slower than last week"),
    "How-to": ("How do I share a report?", "How do I invite guests?", "Where do I find the audit log?"),
    "Access": ("Cannot sign in", "Single sign-on fails", "User lost the admin role"),
    "Integration": ("Webhook is not called", "API key is rejected", "Calendar sync stopped"),
}

TICKET_WORDS = (
    "We noticed this after the last update",
    "It happens for every user of our account",
    "A screenshot is attached",
    "Thank you for the quick reply",
    "We have found the cause and are working on it",
    "Could you tell us when it started",
    "It works again for us now",
    "Please try again after signing out once",
    "This is urgent for our month-end closing",
    "We have passed this on to the product team",
)

CAMPAIGN_THEMES = ("Spring Launch", "Summer Webinar", "Autumn Roadshow", "Year-End Offer", "Migration Guide")
CAMPAIGN_CHANNELS = ("Search", "Social", "Email", "Partner", "Event")

PUBLIC_PAGES = (
    ("/", 30),
    ("/pricing", 18),
    ("/product", 14),
    ("/blog", 13),
    ("/docs", 12),
    ("/customers", 6),
    ("/careers", 4),
    ("/contact", 3),
)
PRODUCT_PAGES = (
    ("/app/dashboard", 34),
    ("/app/reports", 24),
    ("/app/projects", 20),
    ("/app/search", 10),
    ("/app/settings", 7),
    ("/app/billing", 5),
)
