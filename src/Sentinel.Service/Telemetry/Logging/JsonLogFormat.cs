using System.Buffers;
using System.Collections;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Sentinel.Service.Telemetry.Logging;

/// <summary>One JSON object a line, for programs. See interfaces: Logs.</summary>
/// <param name="withPriority">Whether the journal reads along and wants each line's priority in front.</param>
internal sealed class JsonLogFormat(bool withPriority) : ILogFormat
{
    // Relaxed: the reader is a log collector, not a browser, and people read along.
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    [ThreadStatic]
    private static Utf8JsonWriter? _threadWriter;

    public void Write(in LogLine line, IBufferWriter<byte> output)
    {
        if (withPriority)
        {
            output.Write(LogPriority.Of(line.Level));
        }

        var json = _threadWriter ??= new Utf8JsonWriter(output, Options);
        json.Reset(output);
        json.WriteStartObject();
        json.WriteString("ts", Rfc3339.Text(line.At));
        json.WriteString("level", LogLevelNames.Of(line.Level));
        json.WriteString("event", line.Event);
        json.WriteNumber("id", line.Id);
        json.WriteString("msg", line.Message);
        foreach (var (name, value) in line.Fields)
        {
            // A template without placeholders still carries itself under this name.
            if (name != "{OriginalFormat}")
            {
                json.WritePropertyName(FieldName(name));
                WriteValue(json, value);
            }
        }

        if (line.Error is { } error)
        {
            json.WriteStartObject("error");
            json.WriteString("type", error.GetType().FullName);
            json.WriteString("message", error.Message);
            json.WriteString("stack", error.ToString());
            json.WriteEndObject();
        }

        json.WriteEndObject();
        json.Flush();
        output.Write("\n"u8);
    }

    /// <summary>camelCase, and never one of the names that every line has.</summary>
    private static string FieldName(string name)
    {
        var camel = JsonNamingPolicy.CamelCase.ConvertName(name);
        return camel is "ts" or "level" or "event" or "id" or "msg" or "error" ? camel + "_" : camel;
    }

    private static void WriteValue(Utf8JsonWriter json, object? value)
    {
        switch (value)
        {
            case null: json.WriteNullValue(); break;
            case string text: json.WriteStringValue(text); break;
            case bool flag: json.WriteBooleanValue(flag); break;
            case int number: json.WriteNumberValue(number); break;
            case long number: json.WriteNumberValue(number); break;
            case uint number: json.WriteNumberValue(number); break;
            case ulong number: json.WriteNumberValue(number); break;
            case double number when double.IsFinite(number): json.WriteNumberValue(number); break;
            case decimal number: json.WriteNumberValue(number); break;

            // Seconds, as everywhere else.
            case TimeSpan span: json.WriteNumberValue(Math.Round(span.TotalSeconds, 6)); break;
            case DateTimeOffset at: json.WriteStringValue(Rfc3339.Text(at)); break;
            case Enum name: json.WriteStringValue(JsonNamingPolicy.SnakeCaseLower.ConvertName(name.ToString())); break;
            case IEnumerable list:
                json.WriteStartArray();
                foreach (var item in list)
                {
                    WriteValue(json, item);
                }

                json.WriteEndArray();
                break;
            default: json.WriteStringValue(Convert.ToString(value, CultureInfo.InvariantCulture)); break;
        }
    }
}
