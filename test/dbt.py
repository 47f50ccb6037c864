#!/usr/bin/python3
"""What dbt would do with a project, as SQL, for where dbt itself cannot be had.

    dbt.py VERSION DIRECTORY SCHEMA

reads dbt_project.yml and what is in models/ as that version of dbt does: YAML with the keys that
it knows and no others, models as Jinja with ref(), source(), config(), this and target, and
nothing that is not defined.  It prints one JSON object: statements, which build the models in the
order of their references (views and tables in SCHEMA, or in SCHEMA_<schema>); tests, each with its
name, severity, thresholds and the query for the rows at fault, in the words of dbt's own generic
tests; and freshness, a query for each source table that has it.  Whatever dbt would refuse ends it.
"""
import json
import os
import re
import sys

import jinja2
import yaml

PROJECT_KEYS = {'name', 'version', 'profile', 'config-version', 'model-paths', 'models'}
MATERIALIZED = {'view', 'table', 'incremental', 'ephemeral'}
PERIODS = {'minute': 60, 'hour': 3600, 'day': 86400}
# Arguments of generic tests; True: needed.
TESTS = {'not_null': {}, 'unique': {}, 'accepted_values': {'values': True, 'quote': False}, 'relationships': {'to': True, 'field': True}}


def refuse(where, what):
    sys.exit(f'{where}: {what}')


class Loader(yaml.SafeLoader):
    """A key that is there twice is an error, as it is for dbt."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(k, deep=True) for k, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                refuse(node.start_mark.name, f'"{key}" is there twice, line {node.start_mark.line + 1}')
        return super().construct_mapping(node, deep)


def read(path):
    with open(path, encoding='utf-8') as f:
        return yaml.load(f, Loader)


def keys_of(where, thing, known):
    if not isinstance(thing, dict):
        refuse(where, f'{thing!r} is no mapping')
    for key in thing:
        if key not in known:
            refuse(where, f'"{key}" is no key here: {", ".join(sorted(known))}')


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


class Project:
    def __init__(self, version, directory, schema):
        self.version = tuple(int(n) for n in version.split('.'))
        self.directory = directory
        self.schema = schema
        self.sources = {}
        self.tests = []
        self.freshness = []
        self.names = set()
        self.project = read(os.path.join(directory, 'dbt_project.yml'))
        keys_of('dbt_project.yml', self.project, PROJECT_KEYS)
        if not re.fullmatch(r'[a-z_][a-z0-9_]*', self.project.get('name', '')) or 'profile' not in self.project:
            refuse('dbt_project.yml', 'a project has a name of letters, digits and _, and a profile')
        self.models = {}
        for path, _, files in sorted(os.walk(os.path.join(directory, 'models'))):
            for name in sorted(files):
                full = os.path.join(path, name)
                if name.endswith('.sql'):
                    if name[:-4] in self.models:
                        refuse(name, 'two models have this name')
                    self.models[name[:-4]] = full
                elif name.endswith('.yml'):
                    self.read_properties(full)
                else:
                    refuse(full, 'neither a model nor its properties')
        folders = self.project.get('models', {})
        keys_of('dbt_project.yml, models', folders, {self.project['name']})
        self.check_folders('models', folders.get(self.project['name'], {}), os.path.join(directory, 'models'))

    def check_folders(self, where, config, path):
        for key, value in config.items():
            if key.startswith('+'):
                if key not in ('+materialized', '+schema') or key == '+materialized' and value not in MATERIALIZED:
                    refuse(where, f'{key}: {value} is no configuration')
            else:
                if not os.path.isdir(os.path.join(path, key)):
                    refuse(where, f'there is no folder "{key}"')
                self.check_folders(f'{where}, {key}', value, os.path.join(path, key))

    def config_of(self, path):
        config = {'materialized': 'view', 'schema': None}
        level = self.project.get('models', {}).get(self.project['name'], {})
        folders = os.path.relpath(os.path.dirname(path), os.path.join(self.directory, 'models')).split(os.sep)
        for folder in [None] + folders:
            level = level if folder is None else level.get(folder, {})
            config.update({k[1:]: v for k, v in level.items() if k.startswith('+')})
        return config

    # ---- Sources ----

    def read_properties(self, path):
        where = os.path.basename(path)
        content = read(path)
        keys_of(where, content, {'version', 'sources'})
        if content.get('version') != 2:
            refuse(where, 'version is 2')
        for source in content['sources']:
            keys_of(where, source, {'name', 'schema', 'description', 'tables'})
            for table in source['tables']:
                self.read_table(f'{where}, {source["name"]}.{table.get("name")}', source, table)

    def read_table(self, where, source, table):
        word = 'data_tests' if self.version >= (1, 8) else 'tests'
        in_config = self.version >= (1, 10)
        keys_of(where, table, {'name', 'description', 'quoting', 'columns', word} | ({'config'} if in_config else {'loaded_at_field', 'freshness'}))
        if (source['name'], table['name']) in self.sources:
            refuse(where, 'this source is there twice')
        keys_of(where, table.get('quoting', {}), {'identifier'})
        # PostgreSQL's adapter quotes all names.
        relation = f'{quoted(source["schema"])}.{quoted(table["name"])}'
        self.sources[source['name'], table['name']] = relation
        self.read_freshness(where, relation, table.get('config', {}) if in_config else {k: table[k] for k in ('loaded_at_field', 'freshness') if k in table})
        seen = set()
        for column in table.get('columns', []):
            keys_of(where, column, {'name', 'description', 'quote', word})
            if column['name'] in seen or not isinstance(column.get('description', ''), str):
                refuse(where, f'column {column["name"]} is there twice, or has no text to describe it')
            seen.add(column['name'])
            for test in column.get(word, []):
                self.read_test(f'{where}.{column["name"]}', source, table, relation, column, test)

    def read_freshness(self, where, relation, config):
        keys_of(where, config, {'loaded_at_field', 'freshness'})
        if ('freshness' in config) != ('loaded_at_field' in config):
            refuse(where, 'freshness is of a field')
        if not config:
            return
        fresh = config['freshness']
        keys_of(where, fresh, {'warn_after', 'error_after', 'filter'})
        limits = {}
        for level in ('warn_after', 'error_after'):
            if level in fresh:
                keys_of(where, fresh[level], {'count', 'period'})
                if fresh[level]['period'] not in PERIODS or not isinstance(fresh[level]['count'], int) or fresh[level]['count'] < 1:
                    refuse(where, f'{level} is no time')
                limits[level] = fresh[level]['count'] * PERIODS[fresh[level]['period']]
        self.freshness.append({'relation': relation, **limits, 'query':
            f'select max({config["loaded_at_field"]}) as max_loaded_at, current_timestamp as snapshotted_at from {relation}'
            + (f' where {fresh["filter"]}' if 'filter' in fresh else '')})

    # ---- Tests ----

    def read_test(self, where, source, table, relation, column, test):
        name, settings = (test, {}) if isinstance(test, str) else next(iter(test.items()))
        if not isinstance(test, str) and len(test) != 1 or name not in TESTS:
            refuse(where, f'{test!r} is no generic test')
        nested = self.version >= (1, 10, 5)
        keys_of(where, settings, {'name', 'config'} | ({'arguments'} if nested else set(TESTS[name])))
        arguments = settings.get('arguments', {}) if nested else {k: v for k, v in settings.items() if k in TESTS[name]}
        keys_of(where, arguments, set(TESTS[name]))
        for argument, is_needed in TESTS[name].items():
            if is_needed and argument not in arguments:
                refuse(where, f'{name} needs {argument}')
        config = settings.get('config', {})
        keys_of(where, config, {'severity', 'warn_if', 'error_if', 'where'})
        for limit in ('warn_if', 'error_if'):
            if not re.fullmatch(r'(>|>=|<|<=|=|!=) \d+', config.get(limit, '> 0')):
                refuse(where, f'{limit}: {config[limit]} is no condition')
        if config.get('severity', 'error') not in ('warn', 'error'):
            refuse(where, f'{config["severity"]} is no severity')
        title = settings.get('name') or f'source_{name}_{source["name"]}_{table["name"]}_{column["name"]}'
        if not re.fullmatch(r'[A-Za-z0-9_ .-]+', title) or title in self.names:
            refuse(where, f'the name {title} is taken, or none')
        self.names.add(title)
        self.tests.append({'name': title, 'test': name, 'severity': config.get('severity', 'error'), 'error_if': config.get('error_if', '!= 0'), 'warn_if': config.get('warn_if', '!= 0'),
                           'model': f'(select * from {relation} where {config["where"]}) dbt_subquery' if 'where' in config else relation,
                           'column': quoted(column['name']) if column.get('quote') else column['name'], 'arguments': arguments, 'where': where})

    def query_of(self, test):
        column, model, arguments = test['column'], test['model'], test['arguments']
        if test['test'] == 'not_null':
            return f'select {column} from {model} where {column} is null'
        if test['test'] == 'unique':
            return f'select {column} as unique_field, count(*) as n_records from {model} where {column} is not null group by {column} having count(*) > 1'
        if test['test'] == 'accepted_values':
            values = ', '.join("'" + str(v).replace("'", "''") + "'" for v in arguments['values'])
            return f'with all_values as (select {column} as value_field, count(*) as n_records from {model} group by {column}) select * from all_values where value_field not in ({values})'
        to = self.render(test['where'], '{{ ' + arguments['to'] + ' }}', [])
        return (f'with child as (select {column} as from_field from {model} where {column} is not null), parent as (select {arguments["field"]} as to_field from {to}) '
                'select from_field from child left join parent on child.from_field = parent.to_field where parent.to_field is null')

    # ---- Models ----

    def relation_of(self, model):
        config = self.config_of(self.models[model])
        schema = self.schema + ('_' + config['schema'] if config['schema'] else '')
        return f'{quoted(schema)}.{quoted(model)}'

    def render(self, where, words, used, config=None):
        def source(*names):
            if names not in self.sources:
                refuse(where, f'there is no source {names}')
            return self.sources[names]

        def ref(model):
            if model not in self.models:
                refuse(where, f'there is no model "{model}"')
            used.append(model)
            return self.relation_of(model)

        def configure(**settings):
            (config if config is not None else {}).update(settings)
            return ''
        # dbt calls this per model, in an environment in which what is not defined is an error.
        template = jinja2.Environment(undefined=jinja2.StrictUndefined).from_string(words)
        return template.render(source=source, ref=ref, config=configure, target={'schema': self.schema, 'type': 'postgres'})

    def build(self):
        done, statements = [], []
        schemas = []

        def one(model, path):
            if model in path:
                refuse(model, 'models refer to each other in a circle')
            if model in done:
                return
            used, config = [], self.config_of(self.models[model])
            with open(self.models[model], encoding='utf-8') as f:
                query = self.render(model, f.read(), used, config)
            if query.rstrip().endswith(';'):
                refuse(model, 'a model is a query without a semicolon')
            for other in used:
                one(other, path + [model])
            done.append(model)
            relation = self.relation_of(model)
            schemas.append(relation.rsplit('.', 1)[0])
            statements.append(f'create {"view" if config["materialized"] == "view" else "table"} {relation} as (\n{query}\n)')
        for model in sorted(self.models):
            one(model, [])
        return [f'create schema if not exists {s}' for s in sorted(set(schemas))] + statements


def main():
    project = Project(*sys.argv[1:4])
    statements = project.build()
    tests = [{**{k: t[k] for k in ('name', 'severity', 'warn_if', 'error_if')}, 'query': project.query_of(t)} for t in project.tests]
    print(json.dumps({'statements': statements, 'tests': tests, 'freshness': project.freshness}))


main()
