from retrieval.demo.phrases import Article, load_articles
from retrieval.demo.questions import DemoQuestion, QuestionKind, demo_questions
from retrieval.demo.seed import Company, build_company, seed_demo_company
from retrieval.demo.staff import DOMAIN, EMPLOYEES, TEAMS, TERRITORIES, Employee, demo_staff

__all__ = [
    "DOMAIN",
    "EMPLOYEES",
    "TEAMS",
    "TERRITORIES",
    "Article",
    "Company",
    "DemoQuestion",
    "Employee",
    "QuestionKind",
    "build_company",
    "demo_questions",
    "demo_staff",
    "load_articles",
    "seed_demo_company",
]
