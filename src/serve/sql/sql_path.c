/*
 * sql_path.c
 *		Fields at the end of paths, and places, which two fields tell.
 */
#include <math.h>

#include "serve/sql/sql_parts.h"

/* Metres: the mean radius that haversine distances are commonly told with. */
#define EARTH_RADIUS 6371008.8

/* ---- Paths ---- */

/* FROM and WHERE of the tables that lie between a path's variable and its end. */
const char *
serve_sql_steps(ServeSql *sql, const ServeNode *path)
{
	const char *aliases[16];
	const char *parent = path->variable->alias;

	serve_sql_add(sql, " FROM ");
	for (int i = 0; i < path->nsteps; i++)
	{
		aliases[i] = serve_sql_alias(sql);
		if (i > 0)
			serve_sql_add(sql, ", ");
		serve_sql_source(sql, path->steps[i]->target, aliases[i]);
	}
	serve_sql_add(sql, " WHERE ");
	for (int i = 0; i < path->nsteps; i++)
	{
		if (i > 0)
			serve_sql_add(sql, " AND ");
		serve_sql_join(sql, path->steps[i], aliases[i], parent);
		parent = aliases[i];
	}
	return parent;
}

/*
 * The select list stands before the FROM that names its table: the last alias that
 * serve_sql_steps() will give is foretold.
 */
void
serve_sql_path(ServeSql *sql, const ServeNode *node, const ServeField *field)
{
	if (node->nsteps == 0)
	{
		serve_sql_field(sql, node->variable->alias, field);
		return;
	}
	serve_sql_add(sql, "(SELECT ");
	serve_sql_field(sql, serve_printf(sql->reader->arena, "t%d", sql->aliases + node->nsteps),
					field);
	(void) serve_sql_steps(sql, node);
	serve_sql_add(sql, " LIMIT 1)");
}

/* A null collection has nothing in it, as an empty one. */
void
serve_sql_collection(ServeSql *sql, const ServeNode *node)
{
	serve_sql_add(sql, "coalesce(");
	serve_sql_path(sql, node, node->field);
	serve_sql_printf(sql, ", '{}')");
}

/* ---- Places ---- */

/* Latitude or longitude of a record. */
static const ServeField *
coordinate_field(const ServeNode *place, const char *name)
{
	return serve_field(place->nsteps > 0 ? place->steps[place->nsteps - 1]->target
										 : place->variable->resource,
					   name);
}

static void
write_coordinate(ServeSql *sql, const ServeNode *place, const char *name)
{
	serve_sql_path(sql, place, coordinate_field(place, name));
}

static const char *
degrees_text(ServeSql *sql, double degrees)
{
	return serve_printf(sql->reader->arena, "%.17g", degrees);
}

/* By haversine; what lies a hair outside of the domain of asin, or far, does not raise an error. */
void
serve_sql_distance(ServeSql *sql, const ServeNode *node)
{
	bool literal_first = node->args[0]->kind == SERVE_LITERAL;
	const ServeLiteral *from = &node->args[literal_first ? 0 : 1]->literal;
	const ServeNode *place = node->args[literal_first ? 1 : 0];
	const char *latitude = degrees_text(sql, from->latitude);

	/* Greatest and least pass over nulls, OData does not. */
	serve_sql_add(sql, "(CASE WHEN ");
	write_coordinate(sql, place, "Latitude");
	serve_sql_add(sql, " IS NOT NULL AND ");
	write_coordinate(sql, place, "Longitude");
	serve_sql_add(sql, " IS NOT NULL THEN 12742017.6::double precision * asin(sqrt(");
	serve_sql_add(sql,
				  "least(1::double precision, greatest(0::double precision, power(sin(radians((");
	write_coordinate(sql, place, "Latitude");
	serve_sql_add(sql, ")::double precision - ");
	serve_sql_value(sql, latitude, "double precision");
	serve_sql_add(sql, ") / 2), 2) + cos(radians(");
	serve_sql_value(sql, latitude, "double precision");
	serve_sql_add(sql, ")) * cos(radians((");
	write_coordinate(sql, place, "Latitude");
	serve_sql_add(sql, ")::double precision)) * power(sin(radians((");
	write_coordinate(sql, place, "Longitude");
	serve_sql_add(sql, ")::double precision - ");
	serve_sql_value(sql, degrees_text(sql, from->longitude), "double precision");
	serve_sql_add(sql, ") / 2), 2))))) END)");
}

static void
write_bound(ServeSql *sql, const ServeNode *place, const char *name, ServeOperator op,
			double degrees)
{
	ServeSqlType type = serve_sql_field_type(coordinate_field(place, name));

	write_coordinate(sql, place, name);
	serve_sql_add(sql, serve_sql_operator(type, op));
	serve_sql_value(sql, degrees_text(sql, degrees), serve_sql_type_name(type));
}

static void
write_between(ServeSql *sql, const ServeNode *place, const char *name, double low, double high)
{
	serve_sql_add(sql, "(");
	write_bound(sql, place, name, SERVE_GE, low);
	serve_sql_add(sql, " AND ");
	write_bound(sql, place, name, SERVE_LE, high);
	serve_sql_add(sql, ")");
}

/* What lies within so many metres lies within these degrees: an index on them finds it. */
void
serve_sql_box(ServeSql *sql, const ServeNode *distance, double metres)
{
	bool literal_first = distance->args[0]->kind == SERVE_LITERAL;
	const ServeLiteral *from = &distance->args[literal_first ? 0 : 1]->literal;
	const ServeNode *place = distance->args[literal_first ? 1 : 0];
	double angle = metres / EARTH_RADIUS * (1 + 1e-9) + 1e-9;
	double latitude = from->latitude * M_PI / 180;
	double width;

	/* A quarter of the globe or more: all of it. */
	if (!(angle < M_PI / 2))
		return;
	write_between(sql, place, "Latitude", from->latitude - angle * 180 / M_PI,
				  from->latitude + angle * 180 / M_PI);
	serve_sql_add(sql, " AND ");
	/* Around a pole lie all longitudes. */
	if (latitude + angle >= M_PI / 2 || latitude - angle <= -M_PI / 2)
		return;
	width = asin(fmin(1, sin(angle) / cos(latitude))) * 180 / M_PI * (1 + 1e-9) + 1e-9;
	if (from->longitude - width >= -180 && from->longitude + width <= 180)
		write_between(sql, place, "Longitude", from->longitude - width, from->longitude + width);
	else
	{
		/* Over the meridian where longitudes change their sign. */
		serve_sql_add(sql, "(");
		write_between(sql, place, "Longitude", from->longitude - width, from->longitude + width);
		serve_sql_add(sql, " OR ");
		if (from->longitude < 0)
			write_between(sql, place, "Longitude", from->longitude - width + 360, 180);
		else
			write_between(sql, place, "Longitude", -180, from->longitude + width - 360);
		serve_sql_add(sql, ")");
	}
	serve_sql_add(sql, " AND ");
}

/*
 * Within the outer ring and in no hole, as on a map that is flat: what is commonly meant by the
 * shapes that are drawn on one.
 */
void
serve_sql_intersects(ServeSql *sql, const ServeNode *node, bool with_box)
{
	bool literal_first = node->args[0]->kind == SERVE_LITERAL;
	const ServeLiteral *polygon = &node->args[literal_first ? 0 : 1]->literal;
	const ServeNode *place = node->args[literal_first ? 1 : 0];

	serve_sql_add(sql, "(");
	if (with_box)
	{
		write_between(sql, place, "Latitude", polygon->south, polygon->north);
		serve_sql_add(sql, " AND ");
		write_between(sql, place, "Longitude", polygon->west, polygon->east);
		serve_sql_add(sql, " AND ");
	}
	for (int i = 0; i < polygon->nrings; i++)
	{
		serve_sql_add(sql, i > 0 ? " AND NOT (point((" : "(point((");
		write_coordinate(sql, place, "Longitude");
		serve_sql_add(sql, ")::double precision, (");
		write_coordinate(sql, place, "Latitude");
		serve_sql_add(sql, ")::double precision) <@ ");
		serve_sql_value(sql, polygon->rings[i], "polygon");
		serve_sql_add(sql, ")");
	}
	serve_sql_add(sql, ")");
}
