import numpy as np
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from sklearn.tree import DecisionTreeClassifier


def fit_linear(x, y, penalty=0.0):
    model = Ridge(alpha=len(x) * penalty).fit(x, y)
    return model.coef_, model.intercept_


def fit_logistic(x, y, penalty):
    model = LogisticRegression(C=1 / (len(x) * penalty), tol=1e-9, max_iter=1000).fit(x, y)
    return model.coef_[0], model.intercept_[0]


def knn_predict(train_x, train_y, x, k):
    return KNeighborsClassifier(k).fit(train_x, train_y).predict(x)


def fit_stump(x, y, weights=None):
    tree = DecisionTreeClassifier(max_depth=1).fit(x, y, sample_weight=weights).tree_
    below, above = tree.value[1:, 0].argmax(axis=1)
    return tree.feature[0], tree.threshold[0], below, above


def classify(train_x, train_y, x):
    model = make_pipeline(StandardScaler(), PolynomialFeatures(2), LogisticRegression())
    return model.fit(train_x, train_y).predict_proba(x)[:, 1]
